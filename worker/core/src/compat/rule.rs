//! The rules by which a version breaks with another: a closed set, documented in docs/compatibility.md.
//!
//! A rule is what one version accepts and the other doesn't, seen from the version that would refuse. It has two names,
//! for what was done to the schema: adding a requirement breaks backward compatibility (`RequiredAdded`), dropping one
//! breaks forward compatibility (`RequiredRemoved`).

use std::fmt;

use super::Direction;

/// What the reading version refuses and the writing one doesn't.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Aspect {
    /// The reader takes no value here.
    Nothing,
    /// None of the writer's types.
    TypeChanged,
    /// Not all of the writer's types.
    Type,
    /// Some of the writer's values are missing.
    Enum,
    /// The writer has no list of values.
    EnumPresence,
    /// The one value is another.
    Const,
    /// The writer has no one value.
    ConstPresence,
    /// A bound is tighter.
    Bound(Bound),
    /// The writer has no such bound.
    BoundPresence(Bound),
    /// The writer's numbers are multiples of something else.
    MultipleOf,
    /// The writer's numbers are multiples of nothing.
    MultipleOfPresence,
    /// The writer has another pattern.
    Pattern,
    /// The writer has no pattern.
    PatternPresence,
    /// The writer has another format.
    Format,
    /// The writer has no format.
    FormatPresence,
    /// The writer doesn't require the property.
    Required,
    /// The reader is closed to a property that the writer names.
    ClosedObject,
    /// What the reader says of unnamed properties doesn't take what the writer says of this one.
    NotCovered,
    /// What the writer says of unnamed properties is not taken by what the reader says of this one.
    NamedNotCovered,
    /// The reader allows no unnamed properties, the writer does.
    AdditionalPropertiesPresence,
    /// The reader takes fewer unnamed properties.
    AdditionalProperties,
    /// The reader says something of names that match a pattern, the writer doesn't.
    PatternProperties,
    /// The reader restricts names.
    PropertyNames,
    /// The reader asks for more where a property is present.
    Dependency,
    /// The reader is closed to an item that the writer names.
    ClosedArray,
    /// What the reader says of an item doesn't go with what the writer says of all further ones.
    Item,
    /// What the writer says of an item isn't taken by what the reader says of all further ones.
    ItemNotCovered,
    /// The reader allows no further items, the writer does.
    AdditionalItemsPresence,
    /// The reader asks for items that differ.
    UniqueItems,
    /// The reader asks for an item that the writer doesn't.
    Contains,
    /// The reader excludes more.
    Not,
    /// None of the reader's alternatives takes what the writer allows.
    Alternatives,
    /// Two of the reader's alternatives may both hold, where only one may.
    Overlap,
    /// The conditions differ.
    Condition,
    /// A reference that can't be followed.
    Reference,
    /// A keyword whose effect can't be compared.
    NotComparable,
    /// The comparison would take too long.
    TooComplex,
    /// Avro: the named types have different names.
    Name,
    /// Avro: a fixed type has another size.
    FixedSize,
    /// Avro: the reader lacks symbols and has no default.
    Symbol,
    /// Avro: a field of the reader that the writer lacks has no default.
    FieldDefault,
    /// Avro: no branch of the reader's union takes a branch of the writer's.
    UnionBranch,
    /// Avro: decimals of another precision or scale.
    Decimal,
    /// Avro: the same bytes mean something else.
    LogicalType,
}

/// A keyword that bounds a number, a length or a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bound {
    /// `minimum` and `exclusiveMinimum`.
    Minimum,
    /// `maximum` and `exclusiveMaximum`.
    Maximum,
    /// `minLength`.
    MinLength,
    /// `maxLength`.
    MaxLength,
    /// `minItems`.
    MinItems,
    /// `maxItems`.
    MaxItems,
    /// `minProperties`.
    MinProperties,
    /// `maxProperties`.
    MaxProperties,
    /// `minContains`.
    MinContains,
    /// `maxContains`.
    MaxContains,
}

impl Bound {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Minimum,
        Self::Maximum,
        Self::MinLength,
        Self::MaxLength,
        Self::MinItems,
        Self::MaxItems,
        Self::MinProperties,
        Self::MaxProperties,
        Self::MinContains,
        Self::MaxContains,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Minimum => "Minimum",
            Self::Maximum => "Maximum",
            Self::MinLength => "MinLength",
            Self::MaxLength => "MaxLength",
            Self::MinItems => "MinItems",
            Self::MaxItems => "MaxItems",
            Self::MinProperties => "MinProperties",
            Self::MaxProperties => "MaxProperties",
            Self::MinContains => "MinContains",
            Self::MaxContains => "MaxContains",
        }
    }

    /// Whether more is tighter.
    pub(crate) fn is_least(self) -> bool {
        self.name().starts_with("Min")
    }
}

/// A rule by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rule {
    /// What the reading version refuses.
    pub aspect: Aspect,
    /// Which version reads.
    pub direction: Direction,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let backward = self.direction == Direction::Backward;
        let presence = if backward { "Added" } else { "Removed" };
        match self.aspect {
            Aspect::Bound(bound) => {
                let change = if bound.is_least() == backward { "Increased" } else { "Decreased" };
                write!(f, "{}{change}", bound.name())
            }
            Aspect::BoundPresence(bound) => write!(f, "{}{presence}", bound.name()),
            aspect => {
                let (in_backward, in_forward) = aspect.names();
                f.write_str(if backward { in_backward } else { in_forward })
            }
        }
    }
}

impl Aspect {
    /// What a schema language knows of them.
    pub const JSON_SCHEMA: [Self; 35] = [
        Self::Nothing,
        Self::TypeChanged,
        Self::Type,
        Self::Enum,
        Self::EnumPresence,
        Self::Const,
        Self::ConstPresence,
        Self::MultipleOf,
        Self::MultipleOfPresence,
        Self::Pattern,
        Self::PatternPresence,
        Self::Format,
        Self::FormatPresence,
        Self::Required,
        Self::ClosedObject,
        Self::NotCovered,
        Self::NamedNotCovered,
        Self::AdditionalPropertiesPresence,
        Self::AdditionalProperties,
        Self::PatternProperties,
        Self::PropertyNames,
        Self::Dependency,
        Self::ClosedArray,
        Self::Item,
        Self::ItemNotCovered,
        Self::AdditionalItemsPresence,
        Self::UniqueItems,
        Self::Contains,
        Self::Not,
        Self::Alternatives,
        Self::Overlap,
        Self::Condition,
        Self::Reference,
        Self::NotComparable,
        Self::TooComplex,
    ];

    /// Those of Avro.
    pub const AVRO: [Self; 9] = [
        Self::TypeChanged,
        Self::Name,
        Self::FixedSize,
        Self::Symbol,
        Self::FieldDefault,
        Self::UnionBranch,
        Self::Decimal,
        Self::LogicalType,
        Self::TooComplex,
    ];

    /// The names of those that have no bound: where the new version refuses, and where the old one does.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Nothing => ("SchemaForbidden", "SchemaAllowed"),
            Self::TypeChanged => ("TypeChanged", "TypeChanged"),
            Self::Type => ("TypeNarrowed", "TypeExtended"),
            Self::Enum => ("EnumNarrowed", "EnumExtended"),
            Self::EnumPresence => ("EnumAdded", "EnumRemoved"),
            Self::Const => ("ConstChanged", "ConstChanged"),
            Self::ConstPresence => ("ConstAdded", "ConstRemoved"),
            Self::MultipleOf => ("MultipleOfChanged", "MultipleOfChanged"),
            Self::MultipleOfPresence => ("MultipleOfAdded", "MultipleOfRemoved"),
            Self::Pattern => ("PatternChanged", "PatternChanged"),
            Self::PatternPresence => ("PatternAdded", "PatternRemoved"),
            Self::Format => ("FormatChanged", "FormatChanged"),
            Self::FormatPresence => ("FormatAdded", "FormatRemoved"),
            Self::Required => ("RequiredAdded", "RequiredRemoved"),
            Self::ClosedObject => ("PropertyRemovedFromClosedObject", "PropertyAddedToClosedObject"),
            Self::NotCovered => ("PropertyRemovedNotCovered", "PropertyAddedNotCovered"),
            Self::NamedNotCovered => ("PropertyAddedNotCovered", "PropertyRemovedNotCovered"),
            Self::AdditionalPropertiesPresence => {
                ("AdditionalPropertiesRemoved", "AdditionalPropertiesAdded")
            }
            Self::AdditionalProperties => ("AdditionalPropertiesNarrowed", "AdditionalPropertiesExtended"),
            Self::PatternProperties => ("PatternPropertiesAdded", "PatternPropertiesRemoved"),
            Self::PropertyNames => ("PropertyNamesNarrowed", "PropertyNamesExtended"),
            Self::Dependency => ("DependencyAdded", "DependencyRemoved"),
            Self::ClosedArray => ("ItemRemovedFromClosedArray", "ItemAddedToClosedArray"),
            Self::Item => ("ItemAddedNotCovered", "ItemRemovedNotCovered"),
            Self::ItemNotCovered => ("ItemRemovedNotCovered", "ItemAddedNotCovered"),
            Self::AdditionalItemsPresence => ("AdditionalItemsRemoved", "AdditionalItemsAdded"),
            Self::UniqueItems => ("UniqueItemsAdded", "UniqueItemsRemoved"),
            Self::Contains => ("ContainsAdded", "ContainsRemoved"),
            Self::Not => ("NotExtended", "NotNarrowed"),
            Self::Alternatives => ("AlternativesNarrowed", "AlternativesExtended"),
            Self::Overlap => ("OneOfOverlaps", "OneOfOverlaps"),
            Self::Condition => ("ConditionChanged", "ConditionChanged"),
            Self::Reference => ("ReferenceNotFollowed", "ReferenceNotFollowed"),
            Self::NotComparable => ("KeywordNotComparable", "KeywordNotComparable"),
            Self::TooComplex => ("TooComplex", "TooComplex"),
            Self::Name => ("NameChanged", "NameChanged"),
            Self::FixedSize => ("FixedSizeChanged", "FixedSizeChanged"),
            Self::Symbol => ("SymbolRemoved", "SymbolAdded"),
            Self::FieldDefault => ("FieldAddedWithoutDefault", "FieldRemovedWithoutDefault"),
            Self::UnionBranch => ("UnionBranchRemoved", "UnionBranchAdded"),
            Self::Decimal => ("DecimalChanged", "DecimalChanged"),
            Self::LogicalType => ("LogicalTypeChanged", "LogicalTypeChanged"),
            Self::Bound(bound) | Self::BoundPresence(bound) => (bound.name(), bound.name()),
        }
    }

    /// What to do about it, in the new version.
    pub(crate) fn fix(self, direction: Direction) -> &'static str {
        let backward = direction == Direction::Backward;
        let pick = |in_backward, in_forward| if backward { in_backward } else { in_forward };
        match self {
            Self::Required => pick("leave it optional", "leave it required"),
            Self::ClosedObject | Self::NotCovered => {
                pick("leave the property in", "add it only once the old version is no longer read with")
            }
            Self::NamedNotCovered => {
                pick("take for it what unnamed properties may be", "leave the property in")
            }
            Self::EnumPresence | Self::Enum | Self::Symbol => {
                pick("leave all values in", "don't add values; or list them in a new, optional field")
            }
            Self::FieldDefault => pick("give the field a default", "leave the field in"),
            Self::Name => "keep the name, or give the old one as an alias",
            Self::Reference => "refer by JSON Pointer, such as #/$defs/name, to a document given along",
            Self::NotComparable | Self::Condition | Self::Overlap | Self::TooComplex => {
                "leave this part as it was, or say it in simpler keywords"
            }
            Self::TypeChanged | Self::Decimal | Self::LogicalType | Self::FixedSize => {
                "keep it as it was, and put the other into a new, optional field"
            }
            Self::AdditionalPropertiesPresence | Self::AdditionalItemsPresence => {
                pick("leave it open", "leave it closed")
            }
            _ => pick("allow at least what was allowed", "allow no more than was allowed"),
        }
    }
}

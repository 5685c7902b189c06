//! Tables that become lists on a phone: each cell then stands beside its column's name.

use super::html::Html;

/// A column: its name, and whether it holds numbers.
pub(super) type Column<'a> = (&'a str, bool);

/// Adds a table. Roles are said, because a browser forgets them where a table is shown as a list.
pub(super) fn table(
    html: &mut Html,
    caption: &str,
    columns: &[Column<'_>],
    rows: impl IntoIterator<Item = Vec<String>>,
) {
    html.raw("<table role=\"table\"><caption>")
        .text(caption)
        .raw("</caption><thead role=\"rowgroup\"><tr role=\"row\">");
    for (name, is_number) in columns {
        html.raw(if *is_number {
            "<th role=\"columnheader\" scope=\"col\" class=\"n\">"
        } else {
            "<th role=\"columnheader\" scope=\"col\">"
        });
        html.text(name).raw("</th>");
    }
    html.raw("</tr></thead><tbody role=\"rowgroup\">");
    for row in rows {
        html.raw("<tr role=\"row\">");
        for (cell, (name, is_number)) in row.iter().zip(columns) {
            html.raw(if *is_number {
                "<td role=\"cell\" class=\"n\" data-label=\""
            } else {
                "<td role=\"cell\" data-label=\""
            });
            html.text(name).raw("\"><span>").text(cell).raw("</span></td>");
        }
        html.raw("</tr>\n");
    }
    html.raw("</tbody></table>\n");
}

/// Adds something that is shown when asked for.
pub(super) fn details(html: &mut Html, summary: &str, content: impl FnOnce(&mut Html)) {
    html.raw("<details><summary>").text(summary).raw("</summary>\n");
    content(html);
    html.raw("</details>\n");
}

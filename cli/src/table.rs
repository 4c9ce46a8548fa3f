use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::printable::Line;

/// Between two columns.
const GAP: usize = 2;

/// Rows whose columns are as wide as their widest cell. Cells may be any text: they are made printable.
#[derive(Debug, Default)]
pub(crate) struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(crate) fn row(&mut self, cells: [&str; COLUMNS]) {
        self.rows.push(cells.map(|cell| Line(cell).to_string()));
    }

    pub(crate) fn write(&self, output: &mut dyn Write) -> io::Result<()> {
        let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
            self.rows
                .iter()
                .map(|row| row[column].width())
                .max()
                .unwrap_or_default()
        });
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', width - cell.width() + GAP));
            }
            writeln!(output, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown<const COLUMNS: usize>(table: &Table<COLUMNS>) -> String {
        let mut output = Vec::new();
        table.write(&mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn columns_are_as_wide_as_what_they_show() {
        let mut table = Table::default();
        table.row(["ID", "STATUS", "REVISION"]);
        table.row(["greeter", "active", "1"]);
        table.row(["接客ロボット", "inactive", "12"]);
        table.row(["x", "", ""]);
        assert_eq!(
            shown(&table),
            "ID            STATUS    REVISION\n\
             greeter       active    1\n\
             接客ロボット  inactive  12\n\
             x\n"
        );
    }

    #[test]
    fn a_cell_can_neither_break_its_line_nor_reach_the_terminal() {
        let mut table = Table::default();
        table.row(["ID", "ERROR"]);
        table.row(["a\nb", "\u{1b}[2J"]);
        assert_eq!(shown(&table), "ID    ERROR\na\\nb  \\u{1b}[2J\n");
    }
}

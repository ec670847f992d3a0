package io.berth.terminal;

import io.berth.fault.Fault;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Rows under headings for a terminal. Columns are as wide as what they hold; where they do not fit, the widest are cut and
 * end with {@code …}, so that a row is always one line. Control characters are escaped. Not thread-safe.
 */
public final class Table {
    /** No limit on the width: the output goes to a file or a pipe, where a cut text would be of no use. */
    public static final int UNBOUNDED = Integer.MAX_VALUE;

    private static final String GAP = "  ";
    private static final int LEAST_WIDTH = 4;

    /** A column: its heading, and whether its cells stand at the right, as numbers do. */
    public record Column(String heading, boolean right) {
        /** A column of texts. */
        public static Column text(String heading) {
            return new Column(heading, false);
        }

        /** A column of numbers or sizes. */
        public static Column number(String heading) {
            return new Column(heading, true);
        }
    }

    private final List<Column> columns;
    private final List<List<String>> rows = new ArrayList<>();

    public Table(Column... columns) {
        this.columns = List.of(columns);
        rows.add(this.columns.stream().map(Column::heading).toList());
    }

    /**
     * Adds a row.
     *
     * @throws IllegalArgumentException when there are not as many cells as columns
     */
    public void add(String... cells) {
        if (cells.length != columns.size()) {
            throw new IllegalArgumentException(cells.length + " cells for " + columns.size() + " columns");
        }
        rows.add(Arrays.stream(cells).map(Table::printable).toList());
    }

    /** The columns of the terminal that the output goes to, as the launcher found them; else unbounded. */
    public static int terminalWidth() {
        String columns = System.getenv("COLUMNS");
        return columns != null && columns.matches("[1-9][0-9]{0,4}") ? Integer.parseInt(columns) : UNBOUNDED;
    }

    /** Prints the headings and all rows, none wider than the width. */
    public void print(PrintWriter out, int width) {
        int[] widths = fit(width);
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                String cell = cut(row.get(i), widths[i]);
                String blanks = " ".repeat(widths[i] - width(cell));
                line.append(i == 0 ? "" : GAP);
                line.append(columns.get(i).right() ? blanks + cell : cell + blanks);
            }
            out.println(line.toString().stripTrailing());
        }
    }

    /** The width of every column: what it holds, and while the sum is too much, the widest one less. */
    private int[] fit(int width) {
        int[] widths = IntStream.range(0, columns.size())
                .map(i -> rows.stream().mapToInt(row -> width(row.get(i))).max().orElse(0))
                .toArray();
        long room = (long) width - (long) GAP.length() * (widths.length - 1);
        while (Arrays.stream(widths).asLongStream().sum() > room) {
            int widest = IntStream.range(0, widths.length).reduce(0, (best, i) -> widths[i] > widths[best] ? i : best);
            if (widths[widest] <= LEAST_WIDTH) {
                break; // a terminal too narrow for any table
            }
            widths[widest]--;
        }
        return widths;
    }

    private static String cut(String cell, int width) {
        if (width(cell) <= width) {
            return cell;
        }
        StringBuilder out = new StringBuilder();
        int used = 0;
        for (int character : cell.codePoints().toArray()) {
            used += width(character);
            if (used > width - 1) {
                break;
            }
            out.appendCodePoint(character);
        }
        return out.append('…').toString();
    }

    private static int width(String text) {
        return text.codePoints().map(Table::width).sum();
    }

    /** How many cells of a terminal a character takes, near enough for names and paths. */
    private static int width(int character) {
        return switch (Character.getType(character)) {
            case Character.NON_SPACING_MARK, Character.ENCLOSING_MARK, Character.FORMAT -> 0;
            default ->
                switch (Character.UnicodeScript.of(character)) {
                    case HAN, HIRAGANA, KATAKANA, HANGUL -> 2;
                    default -> 1;
                };
        };
    }

    private static String printable(String cell) {
        return Fault.oneLine(cell).equals(cell) ? cell : Fault.quote(cell);
    }
}

package io.berth.terminal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.terminal.Table.Column;
import io.berth.volume.ByteSize;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TableTest {
    private final Table table = new Table(Column.text("NAME"), Column.number("SIZE"), Column.text("PATH"));

    @Test
    void columnsAreAsWideAsWhatTheyHoldAndNumbersStandAtTheRight() {
        table.add("fast.c1", ByteSize.format(3L << 29), "/srv/fast");
        table.add("b", ByteSize.format(1000), "/x");
        assertThat(printed(Table.UNBOUNDED)).isEqualTo("""
                        NAME        SIZE  PATH
                        fast.c1  1.5 GiB  /srv/fast
                        b         1000 B  /x
                        """);
    }

    @Test
    void theWidestColumnsAreCutFirst() {
        table.add("fast.c1", "1 GiB", "/srv/a/very/long/path");
        table.add("a-volume-with-a-long-name", "1 GiB", "/x");
        assertThat(printed(30)).isEqualTo("""
                        NAME         SIZE  PATH
                        fast.c1     1 GiB  /srv/a/ver…
                        a-volume-…  1 GiB  /x
                        """);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 10, 16, 17, 24, 40, 79, 80, 200})
    void noLineIsWiderThanTheTerminal(int width) {
        table.add("n".repeat(300), "123456789", "/" + "日本".repeat(40));
        table.add("x", "1", "e\u0301".repeat(100));
        for (String line : printed(width).lines().toList()) {
            int cells = line.codePoints()
                    .map(c -> c == 0x301 ? 0 : c == '日' || c == '本' ? 2 : 1)
                    .sum();
            assertThat(cells).as(line).isLessThanOrEqualTo(Math.max(width, 16));
        }
    }

    @Test
    void hostileTextsCannotMoveTheCursorOrMakeRows() {
        table.add("a\u001b[2J", "1", "b\nc");
        assertThat(printed(Table.UNBOUNDED)).hasLineCount(2).contains("\"a\\u001b[2J\"", "\"b\\u000ac\"");
    }

    @Test
    void aRowOfTheWrongLengthIsRefused() {
        assertThatThrownBy(() -> table.add("a")).hasMessage("1 cells for 3 columns");
    }

    @Test
    void jsonIsOneDocumentThatEndsALine() {
        StringWriter text = new StringWriter();
        Json.print(List.of(new Column("a\"", true)), new PrintWriter(text, true));
        assertThat(text).hasToString("""
                        [ {
                          "heading" : "a\\"",
                          "right" : true
                        } ]
                        """);
    }

    private String printed(int width) {
        StringWriter text = new StringWriter();
        table.print(new PrintWriter(text, true), width);
        return text.toString();
    }
}

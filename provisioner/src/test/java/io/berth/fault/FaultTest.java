package io.berth.fault;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.linux.SystemCallException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FaultTest {
    @ParameterizedTest
    @ValueSource(
            strings = {"\n", "\r", "\u001b[2J", "\u0085", "\u2028", "\u2029", "\u202e", "\u2066", "\u200f", "\u061c"})
    void aMessageIsOneLineReadFromLeftToRight(String hostile) {
        String code = String.format("\\u%04x", (int) hostile.charAt(0));
        for (Fault fault : List.of(
                new Fault(Fault.Kind.INTERNAL, "path /a" + hostile + "b"),
                new Fault(Fault.Kind.INTERNAL, "path /a" + hostile + "b", new IllegalStateException("x\ny")),
                Fault.invalid("path", "/a" + hostile + "b", "is not allowed"),
                new SystemCallException("openat2", "/a" + hostile + "b", 2))) {
            assertThat(fault.getMessage()).doesNotContain(hostile).contains("/a" + code);
            assertThat(fault.toString()).doesNotContain(hostile);
        }
    }

    @Test
    void namesOfPeopleStayAsTheyAre() {
        assertThat(new Fault(Fault.Kind.INTERNAL, "a\tb Größe 名前 😀")).hasMessage("a\\u0009b Größe 名前 😀");
    }

    @Test
    void severalProblemsHaveALineEach() {
        assertThat(Fault.ofLines(Fault.Kind.INVALID_ARGUMENT, List.of("one\nmore", "two")))
                .hasMessage("one\\u000amore\ntwo");
    }
}

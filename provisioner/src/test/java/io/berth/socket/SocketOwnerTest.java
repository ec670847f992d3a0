package io.berth.socket;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SocketOwnerTest {
    @Test
    void namesAndNumbersAreTheSame() {
        assertThat(SocketOwner.parse("root:daemon")).isEqualTo(SocketOwner.parse("0:1"));
        assertThat(SocketOwner.parse("daemon").user())
                .isEqualTo(SocketOwner.parse("1").user());
        assertThat(SocketOwner.parse("1000").group()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ":", "root:", ":root", "-1", "root:-1", "a b", "a:b:c", "root\n"})
    void anotherFormIsRefused(String text) {
        assertThatThrownBy(() -> SocketOwner.parse(text))
                .isInstanceOf(Fault.class)
                .hasMessageEndingWith("USER or USER:GROUP, names or numbers");
    }

    @Test
    void whoIsNotKnownIsNamed() {
        assertThatThrownBy(() -> SocketOwner.parse("nobody-here"))
                .hasMessage("owner \"nobody-here\": this machine has no user nobody-here; a number needs no name");
        assertThatThrownBy(() -> SocketOwner.parse("root:none-here")).hasMessageContaining("no group none-here");
        assertThatThrownBy(() -> SocketOwner.parse("9999999999")).hasMessageContaining("no user 9999999999");
    }
}

package io.berth.nfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExportTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "nas:/home",
                "nas.example.com:/",
                "10.0.0.5:/srv/nfs",
                "1password:/a",
                "[fd00::5]:/export",
                "[::1]:/a",
                "[::]:/a",
                "[1:2:3:4:5:6:7:8]:/a",
                "[2001:db8::a:b]:/a",
                "nas:/with space/and,comma:and colon/é"
            })
    void anExportIsWrittenAsItIsRead(String text) {
        assertThat(Export.parse(text)).hasToString(text);
    }

    @Test
    void itsPartsAreTheServerAndThePath() {
        assertThat(Export.parse("[fd00::5]:/a/b"))
                .isEqualTo(new Export(new NfsServer("fd00::5"), Path.of("/a/b")))
                .isEqualTo(Export.of("fd00::5", "/a/b"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "nas",
                "nas:",
                ":/a",
                "nas:a",
                "nas:/a/",
                "nas:/a//b",
                "nas:/a/../b",
                "nas:/./a",
                "nas:/a\nb",
                "nas:/a\u0000b",
                "NAS:/a",
                "-nas:/a",
                "nas-:/a",
                "na_s:/a",
                "nas..b:/a",
                "nas,rw:/a",
                "nas /x:/a",
                "10.0.0:/a",
                "10.0.0.256:/a",
                "010.0.0.1:/a",
                "fd00::5:/a",
                "[fd00::5:/a",
                "[fd00:::5]:/a",
                "[1:2:3:4:5:6:7]:/a",
                "[1:2:3:4:5:6:7:8:9]:/a",
                "[1::2::3]:/a",
                "[fe80::1%eth0]:/a",
                "[12345::]:/a",
                "[]:/a"
            })
    void whatIsNoExportIsRefused(String text) {
        assertThatThrownBy(() -> Export.parse(text)).hasMessageStartingWith("NFS ");
    }

    @Test
    void aPathHasAtMost1024Bytes() {
        assertThat(Export.of("nas", "/" + "a".repeat(1023)).path()).isNotNull();
        assertThatThrownBy(() -> Export.of("nas", "/" + "a".repeat(1024))).hasMessageContaining("1024 bytes");
    }

    @Test
    void itHoldsTheFoldersInItAndNothingElse() {
        for (String inside : List.of("nas:/home", "nas:/home/a")) {
            assertThat(Export.parse(inside).isIn(Export.parse("nas:/home"))).isTrue();
        }
        assertThat(Export.parse("[fd00::5]:/x").isIn(Export.parse("[fd00::5]:/")))
                .isTrue();
        for (String other : List.of("nas:/", "nas:/homes", "nas.b:/home", "[fd00::6]:/x")) {
            assertThat(Export.parse(other).isIn(Export.parse("nas:/home"))).isFalse();
        }
    }

    @Test
    void aStorageClassMayWriteItWithCapitalsBracketsAndSlashes() {
        assertThat(Export.ofClass("NAS.example", "/home/")).isEqualTo(Export.parse("nas.example:/home"));
        assertThat(Export.ofClass("[FD00::5]", "/")).isEqualTo(Export.parse("[fd00::5]:/"));
        assertThatThrownBy(() -> Export.ofClass("nas", "home")).hasMessageContaining("absolute");
    }

    @Test
    void anAddressIsOneServerHoweverItIsSpelled() {
        Export pool = Export.parse("[::1]:/srv");
        assertThat(Export.parse("[0:0:0:0:0:0:0:1]:/srv/data").isIn(pool)).isTrue();
        assertThat(Export.parse("[0::0001]:/srv").isIn(pool)).isTrue();
        assertThat(Export.parse("[::2]:/srv").isIn(pool)).isFalse();
        assertThat(Export.parse("localhost:/srv").isIn(pool)).isFalse();
        assertThat(Export.parse("10.0.0.1:/srv").isIn(Export.parse("10.0.0.1:/")))
                .isTrue();
    }
}

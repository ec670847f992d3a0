package io.berth.copy;

import static io.berth.TestFileSystem.shell;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class Ext4TreeCopyTest extends TreeCopyContract {
    Ext4TreeCopyTest() {
        super("ext4", 2L << 30, Rung.COPY_FILE_RANGE);
    }

    @Test
    void aFileCanHaveAsManyNamesAsTheFileSystemAllows() {
        shell(source, """
                mkdir a b; : > a/f
                perl -e 'for (2 .. 32500) { link("a/f", "a/$_") or die }
                    for (32501 .. 65000) { link("a/f", "b/$_") or die "$_: $!" }'
                """);
        assertThat(copy().files()).isEqualTo(3 + 65_000);
        assertThat(shell(copied(), "stat -c %h a/f b/65000")).isEqualTo("65000\n65000\n");
    }
}

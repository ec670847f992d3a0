package io.berth.linux;

import static org.assertj.core.api.Assertions.assertThat;

import io.berth.fault.Fault;
import java.lang.reflect.Field;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SystemCallExceptionTest {
    @Test
    void theMessageNamesCallPathAndError() {
        SystemCallException e = new SystemCallException("mkdirat", "/srv/fast/x", Errno.EROFS);
        assertThat(e).hasMessageStartingWith("mkdirat /srv/fast/x: EROFS (Read-only file system)");
        assertThat(e.errno()).isEqualTo(30);
        assertThat(e.call()).isEqualTo("mkdirat");
        assertThat(e.path()).isEqualTo("/srv/fast/x");
    }

    @Test
    void everyErrorNumberHasItsName() throws IllegalAccessException {
        for (Field number : Errno.class.getFields()) {
            assertThat(Errno.text(number.getInt(null))).startsWith(number.getName() + " (");
        }
        assertThat(Errno.text(Errno.EAGAIN)).isEqualTo("EAGAIN (Resource temporarily unavailable)");
        assertThat(Errno.text(32)).isEqualTo("EPIPE (Broken pipe)");
    }

    @Test
    void anErrorWithoutNameShowsItsNumber() {
        assertThat(Errno.text(4711)).isEqualTo("errno 4711");
    }

    @Test
    void aKernelThatLacksTheCallIsNamedAsTheCause() {
        assertThat(new SystemCallException("openat2", "/", Errno.ENOSYS)).hasMessageContaining("Linux 5.12 or newer");
    }

    @Test
    void aHostilePathStaysOnOneBoundedLine() {
        SystemCallException e =
                new SystemCallException("read", "/a\nERROR all is lost\u001b[31m" + "x".repeat(5000), 5);
        assertThat(e.getMessage()).doesNotContain("\n", "\u001b").hasSizeLessThan(400);
    }

    @ParameterizedTest
    @CsvSource({
        "28, RESOURCE_EXHAUSTED, inodes",
        "122, RESOURCE_EXHAUSTED, quota",
        "30, FAILED_PRECONDITION, read-write",
        "13, FAILED_PRECONDITION, root",
        "1, FAILED_PRECONDITION, root",
        "16, FAILED_PRECONDITION, unmount",
        "40, FAILED_PRECONDITION, symbolic link",
        "2, FAILED_PRECONDITION, ENOENT",
        "5, UNAVAILABLE, check the disk",
        "116, UNAVAILABLE, server",
        "110, UNAVAILABLE, server",
        "24, UNAVAILABLE, open files",
        "23, UNAVAILABLE, open files",
        "22, INTERNAL, EINVAL",
    })
    void aFaultHasTheKindThatFitsAndSaysWhatToDo(int errno, Fault.Kind kind, String advice) {
        SystemCallException e = new SystemCallException("fsync", "/srv", errno);
        assertThat(e.kind()).isEqualTo(kind);
        assertThat(e).hasMessageContaining(advice);
    }
}

package io.berth.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class ProgramTest {
    private static final Duration SOON = Duration.ofSeconds(60);

    @Test
    void itsStatusAndItsOutputAreTold() {
        Program.Ended ended = new Program("sh", "dash").run(SOON, "-c", "echo one; echo two >&2; exit 3");
        assertThat(ended.status()).isEqualTo(3);
        assertThat(ended.output()).isEqualTo("one two");
    }

    @Test
    void argumentsAreTakenAsTheyAre() {
        String hostile = "$(id); `id` 'x' \"y\" * ~ \\ \u00e4";
        assertThat(new Program("printf", "coreutils").run(SOON, "%s", hostile).output())
                .isEqualTo(hostile);
    }

    @Test
    void itHasNoEnvironmentAndNoInput() {
        assertThat(new Program("env", "coreutils").run(SOON).output()).isEmpty();
        assertThat(new Program("cat", "coreutils").run(SOON).status()).isZero();
    }

    @Test
    void muchOutputIsCutAndBlocksNothing() {
        Program.Ended ended = new Program("seq", "coreutils").run(SOON, "1000000");
        assertThat(ended.status()).isZero();
        assertThat(ended.output()).startsWith("1 2 3").hasSizeBetween(4000, 4096);
    }

    @Test
    void oneThatTakesTooLongIsKilled() {
        long before = ProcessHandle.current().children().count();
        assertThatThrownBy(
                        () -> new Program("sh", "dash").run(Duration.ofSeconds(2), "-c", "echo begun; exec sleep 1000"))
                .hasMessageContaining("sh was killed")
                .hasMessageContaining("begun")
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.UNAVAILABLE));
        ProcessHandle.current().children().forEach(child -> child.onExit().join());
        assertThat(ProcessHandle.current().children().count()).isLessThanOrEqualTo(before);
    }

    @Test
    void oneThatIsMissingIsNamedWithWhatToInstall() {
        assertThatThrownBy(() -> new Program("mkfs.none", "noneprogs").run(SOON))
                .hasMessageContaining("mkfs.none")
                .hasMessageContaining("install noneprogs")
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.FAILED_PRECONDITION));
    }
}

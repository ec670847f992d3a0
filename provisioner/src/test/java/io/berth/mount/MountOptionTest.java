package io.berth.mount;

import static io.berth.mount.MountOption.NOATIME;
import static io.berth.mount.MountOption.NODIRATIME;
import static io.berth.mount.MountOption.NOEXEC;
import static io.berth.mount.MountOption.RO;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MountOptionTest {
    @Test
    void flagsAreReadOneByOneOrWithCommas() {
        assertThat(MountOption.parse(List.of())).isEmpty();
        assertThat(MountOption.parse(List.of("", "ro,,noexec,", "defaults,_netdev,nofail", "user,x-systemd.automount")))
                .containsExactlyInAnyOrder(RO, NOEXEC);
        assertThat(MountOption.parse(List.of("ro,noatime", "noexec", "nodiratime", "ro")))
                .containsExactlyInAnyOrder(RO, NOATIME, NOEXEC, NODIRATIME);
    }

    @Test
    void everyOptionIsReadByTheNameItPrints() {
        for (MountOption option : MountOption.values()) {
            assertThat(MountOption.parse(List.of(option.toString()))).containsExactly(option);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "RO",
                " ro",
                "remount",
                "bind",
                "rbind",
                "move",
                "size=1g",
                "suid=1",
                "shared",
                "upperdir=/etc",
                "ro\nrw",
                "ro\0"
            })
    void whatIsNotOnTheListIsRefusedByName(String flag) {
        assertThatThrownBy(() -> MountOption.parse(List.of(flag)))
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.INVALID_ARGUMENT))
                .hasMessageStartingWith("mount_flags \"")
                .hasMessageContaining("allowed are ro, rw, nosuid")
                .hasMessageNotContainingAny("\n", "\0");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ro,rw",
                "rw,ro",
                "suid,nosuid",
                "dev,nodev",
                "exec,noexec",
                "noatime,relatime",
                "relatime,strictatime"
            })
    void contradictionsAreRefused(String flags) {
        assertThatThrownBy(() -> MountOption.parse(List.of(flags))).hasMessageContaining("contradicts");
        assertThatThrownBy(() -> MountOption.parse(Arrays.asList(flags.split(",", -1))))
                .isInstanceOf(Fault.class);
    }
}

package io.berth.csi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.csi.v1.VolumeCapability;
import io.berth.mount.MountOption;
import io.berth.volume.AccessMode;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class VolumeUseTest {
    private static VolumeCapability.Builder mount(VolumeCapability.AccessMode.Mode mode) {
        return VolumeCapability.newBuilder()
                .setMount(VolumeCapability.MountVolume.getDefaultInstance())
                .setAccessMode(VolumeCapability.AccessMode.newBuilder().setMode(mode));
    }

    @ParameterizedTest
    @EnumSource(AccessMode.class)
    void everyAccessModeOfTheContractIsOneOfTheCore(AccessMode mode) {
        VolumeCapability capability =
                mount(VolumeCapability.AccessMode.Mode.valueOf(mode.name())).build();
        assertThat(VolumeUse.parse("volume_capability", capability).mode()).isEqualTo(mode);
    }

    @Test
    void flagsAndGroupAreRead() {
        VolumeCapability.Builder capability = mount(VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER);
        capability.getMountBuilder().addMountFlags("ro,noexec").setVolumeMountGroup("1000");
        VolumeUse use = VolumeUse.parse("volume_capability", capability.build());
        assertThat(use.options()).containsExactlyInAnyOrder(MountOption.RO, MountOption.NOEXEC);
        assertThat(use.mountGroup()).hasValue(1000);
    }

    @Test
    void blockAndFileSystemAreRead() {
        VolumeCapability.Builder mount = mount(VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER);
        mount.getMountBuilder().setFsType("xfs");
        VolumeUse files = VolumeUse.parse("volume_capability", mount.build());
        assertThat(files.block()).isFalse();
        assertThat(files.fsType()).isEqualTo("xfs");
        mount.setBlock(VolumeCapability.BlockVolume.getDefaultInstance());
        assertThat(VolumeUse.parse("volume_capability", mount.build()).block()).isTrue();
    }

    @Test
    void whatIsMissingOrCannotBeDoneIsNamed() {
        VolumeCapability.Builder writer = mount(VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER);
        assertThatThrownBy(() -> VolumeUse.parse("volume_capabilities", List.of()))
                .hasMessageContaining("volume_capabilities");
        assertThatThrownBy(() -> VolumeUse.parse(
                        "volume_capability", writer.clone().clearAccessMode().build()))
                .hasMessageContaining("access_mode");
        assertThatThrownBy(() -> VolumeUse.parse(
                        "volume_capability", writer.clone().clearMount().build()))
                .hasMessageContaining("access_type");
        VolumeCapability.Builder group = writer.clone();
        group.getMountBuilder().setVolumeMountGroup("staff");
        assertThatThrownBy(() -> VolumeUse.parse("volume_capability", group.build()))
                .hasMessageContaining("volume_mount_group")
                .hasMessageContaining("staff");
    }

    @Test
    void optionsOfNfsAreReadBesideTheOthersAndThoseOfASecretAreNotRepeated() {
        VolumeCapability.Builder capability = mount(VolumeCapability.AccessMode.Mode.SINGLE_NODE_WRITER);
        capability.getMountBuilder().addMountFlags("nfsvers=4.1,soft").addMountFlags("ro");
        VolumeUse use = VolumeUse.parse("volume_capability", capability.build());
        assertThat(use.options()).containsExactly(MountOption.RO);
        assertThat(use.nfs().nfs()).containsOnlyKeys("vers", "soft");
        assertThat(use.nfs(Map.of("mountOptions", "timeo=9")).nfs()).containsOnlyKeys("vers", "soft", "timeo");
        assertThatThrownBy(() -> use.nfs(Map.of("mountOptions", "hunter2")))
                .hasMessageContaining("secrets")
                .hasMessageNotContaining("hunter2");
    }
}

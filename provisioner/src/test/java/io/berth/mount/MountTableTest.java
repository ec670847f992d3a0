package io.berth.mount;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MountTableTest {
    private static final String TEXT = """
            20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,discard
            21 20 0:5 / /proc rw,nosuid - proc proc rw
            30 20 8:1 /srv/a /mnt rw shared:7 master:2 - ext4 /dev/sda1 rw
            31 30 0:40 / /mnt/in\\040ner ro,noatime - tmpfs tmpfs rw,size=4k
            32 30 8:1 /srv/b /mnt ro - ext4 /dev/sda1 rw
            33 20 8:1 /srv/gone//deleted /removed rw - ext4 /dev/sda1 rw
            34 20 0:41 / /a\\011b\\012c\\134d rw - fuse.x host:/dir\\040x rw,lowerdir=/a\\040b
            35 20 0:42 / /mnt2 rw - tmpfs  rw
            """;

    private final MountTable table = MountTable.parse(TEXT.getBytes(UTF_8));

    @Test
    void allFieldsAreRead() {
        assertThat(table.at(Path.of("/a\tb\nc\\d")))
                .hasValue(new MountPoint(
                        34,
                        20,
                        "0:41",
                        Path.of("/"),
                        false,
                        Path.of("/a\tb\nc\\d"),
                        Set.of("rw"),
                        false,
                        "fuse.x",
                        "host:/dir x",
                        Set.of("rw", "lowerdir=/a b")));
        assertThat(table.at(Path.of("/mnt2")).orElseThrow().source()).isEmpty();
        assertThat(table.mounts()).hasSize(8);
    }

    @Test
    void whatAnNfsMountShowsStandsInItsSource() {
        MountTable nfs = MountTable.parse("""
                20 1 8:1 / / rw - ext4 /dev/sda1 rw
                21 20 0:40 / /a rw - nfs4 nas:/export/a\\040b rw,vers=4.2
                22 20 0:41 / /b ro - nfs [fd00::5]:/export rw,vers=3
                23 20 0:42 / /c rw - nfs4 nas:/export rw,vers=4.2
                24 20 0:43 / /d rw - nfsd nfsd rw
                """.getBytes(UTF_8));
        assertThat(nfs.at(Path.of("/a")).orElseThrow().root()).isEqualTo(Path.of("/export/a b"));
        assertThat(nfs.at(Path.of("/b")).orElseThrow().root()).isEqualTo(Path.of("/export"));
        assertThat(nfs.at(Path.of("/b")).orElseThrow().device()).isEqualTo("[fd00::5]:");
        assertThat(nfs.at(Path.of("/d")).orElseThrow().device()).isEqualTo("0:43");
        assertThat(nfs.of(nfs.origin(Path.of("/c/a b"))))
                .as("however it is mounted")
                .containsExactly(nfs.at(Path.of("/a")).orElseThrow());
    }

    @Test
    void whatShowsAFolderIsNoWholeFileSystem() {
        MountTable shown = MountTable.parse("""
                20 1 8:1 / / rw - ext4 /dev/sda1 rw
                21 20 8:1 /srv/a /folder rw - ext4 /dev/sda1 rw
                22 20 8:2 / /disk rw - ext4 /dev/sda2 rw
                23 20 0:50 /@data /subvolume rw - btrfs /dev/sdb rw,space_cache=v2,subvolid=256,subvol=/@data
                24 20 0:50 /@data/a /inner rw - btrfs /dev/sdb rw,space_cache=v2,subvolid=256,subvol=/@data
                25 20 0:51 / /export rw - nfs4 nas:/export rw,vers=4.2
                26 20 0:52 / /nas rw - nfs4 nas:/ rw,vers=4.2
                27 20 8:2 / /a/folder rw - ext4 /dev/sda2 rw
                """.getBytes(UTF_8));
        assertThat(shown.mounts().stream().filter(MountPoint::wholeFileSystem).map(MountPoint::id))
                .containsExactly(20, 22, 23, 26, 27);
        assertThat(shown.byId(23)).isEqualTo(shown.at(Path.of("/subvolume")));
        assertThat(shown.byId(28)).isEmpty();
    }

    @Test
    void thePathThatOneWalksDecidesWhatIsMountedThere() {
        assertThat(table.at(Path.of("/mnt")).orElseThrow().id()).isEqualTo(32);
        assertThat(table.containing(Path.of("/mnt/x/y")).id()).isEqualTo(32);
        assertThat(table.containing(Path.of("/")).id()).isEqualTo(20);
        assertThat(table.containing(Path.of("/proc/self")).id()).isEqualTo(21);
    }

    @Test
    void aMountThatAnotherHidesIsNotThere() {
        assertThat(table.at(Path.of("/mnt/in ner"))).isEmpty();
        assertThat(table.containing(Path.of("/mnt/in ner/x")).id()).isEqualTo(32);
    }

    @Test
    void pathsAreComparedByComponents() {
        assertThat(table.at(Path.of("/mn"))).isEmpty();
        assertThat(table.at(Path.of("/mnt/x"))).isEmpty();
        assertThat(table.containing(Path.of("/mnt22")).id()).isEqualTo(20);
        assertThat(table.containing(Path.of("/procfs")).id()).isEqualTo(20);
    }

    @Test
    void theMountsOfAFolderAreFoundWithoutRemovedOnes() {
        assertThat(table.of(new MountTable.Origin("8:1", Path.of("/srv/a"))))
                .extracting(MountPoint::id)
                .containsExactly(30);
        assertThat(table.of(new MountTable.Origin("8:1", Path.of("/srv/gone")))).isEmpty();
        assertThat(table.of(new MountTable.Origin("8:2", Path.of("/srv/a")))).isEmpty();
        MountPoint removed = table.at(Path.of("/removed")).orElseThrow();
        assertThat(removed.rootRemoved()).isTrue();
        assertThat(removed.root()).isEqualTo(Path.of("/srv/gone"));
    }

    @Test
    void readOnlyIsTheMountOrItsFileSystem() {
        assertThat(table.at(Path.of("/mnt")).orElseThrow().readOnly()).isTrue();
        assertThat(table.at(Path.of("/proc")).orElseThrow().readOnly()).isFalse();
        MountTable readOnlyDisk = MountTable.parse("1 1 8:1 / / rw - ext4 /dev/sda1 ro\n".getBytes(UTF_8));
        assertThat(readOnlyDisk.at(Path.of("/")).orElseThrow().readOnly()).isTrue();
    }

    @Test
    void theTopmostOfSeveralRootsIsTheRoot() {
        MountTable stacked = MountTable.parse(
                "5 4 8:1 / / rw - ext4 x rw\n4 1 0:2 / / rw - rootfs x rw\n6 4 0:5 / /hidden rw - proc x rw\n"
                        .getBytes(UTF_8));
        assertThat(stacked.at(Path.of("/")).orElseThrow().id()).isEqualTo(5);
        assertThat(stacked.at(Path.of("/hidden"))).isEmpty();
    }

    @Test
    void aMountWhoseNameIsNotUtf8HarmsNobody() {
        MountTable other = MountTable.parse(
                "20 1 8:1 / / rw - ext4 x rw\n21 20 0:5 / /\u00ff rw - proc proc rw\n22 20 0:6 / /b rw - proc proc rw\n"
                        .getBytes(ISO_8859_1));
        assertThat(other.mounts()).extracting(MountPoint::id).containsExactly(20, 22);
    }

    @Test
    void aProcessWithoutAMountAtTheRootIsToldSo() {
        MountTable chroot = MountTable.parse("21 20 0:5 / /proc rw - proc proc rw\n".getBytes(UTF_8));
        assertThatThrownBy(() -> chroot.containing(Path.of("/proc")))
                .isInstanceOf(Fault.class)
                .hasMessageContaining("chroot");
    }

    @Test
    void theTableOfThisMachineHasItsRootAndProc() {
        MountTable here = MountTable.read();
        assertThat(here.at(Path.of("/"))).isPresent();
        assertThat(here.containing(Path.of("/proc/self/mountinfo")).fsType()).isEqualTo("proc");
    }

    @Test
    void aPathIsSpelledWithoutLinksAboveItAndItsEndIsLeftAlone(@TempDir Path folder) throws Exception {
        Path real = Files.createDirectories(folder.toRealPath().resolve("data/kubelet"));
        Files.createSymbolicLink(folder.resolve("kubelet"), real);
        Files.createSymbolicLink(real.resolve("link"), real);
        assertThat(MountTable.spelled(folder.resolve("kubelet/new"))).isEqualTo(real.resolve("new"));
        assertThat(MountTable.spelled(folder.resolve("kubelet/link"))).isEqualTo(real.resolve("link"));
        assertThat(MountTable.spelled(folder.resolve("absent/new"))).isEqualTo(folder.resolve("absent/new"));
    }
}

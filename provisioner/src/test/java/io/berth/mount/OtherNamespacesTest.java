package io.berth.mount;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Other processes here have a mount namespace and a root of their own, as a container has. */
class OtherNamespacesTest {
    @TempDir
    Path temporary;

    private Path volume;
    private Path target;
    private final List<Process> processes = new ArrayList<>();

    @BeforeEach
    void mount() throws IOException, InterruptedException {
        Path folder = temporary.toRealPath();
        volume = Files.createDirectory(folder.resolve("volume"));
        target = Files.createDirectory(folder.resolve("target"));
        Files.createDirectory(folder.resolve("root"));
        shell("mount --bind volume target").waitFor();
    }

    @AfterEach
    void end() throws IOException, InterruptedException {
        for (Process process : processes) {
            process.destroyForcibly().waitFor();
        }
        shell("umount target").waitFor();
    }

    private Process shell(String script) throws IOException {
        return new ProcessBuilder("sh", "-euc", script)
                .directory(temporary.toRealPath().toFile())
                .redirectErrorStream(true)
                .start();
    }

    /** Starts a process in a namespace of its own; what it mounts is done when this returns. */
    private void inNamespace(String mounts) throws IOException {
        Process process = shell("exec unshare --mount --propagation private sh -euc '" + mounts + "'");
        processes.add(process);
        assertThat(process.inputReader().readLine()).isEqualTo(".");
    }

    private static String container(String volumes) {
        return "mount -t tmpfs root root; mkdir root/data root/host root/bin; cp /bin/busybox root/bin/; " + volumes
                + "; exec chroot root /bin/busybox sh -c \"echo .; /bin/busybox sleep 60\"";
    }

    private static String ofMachine() {
        return "echo .; exec sleep 60";
    }

    private Set<MountTable.Origin> origins() {
        return Set.of(MountTable.read().origin(volume));
    }

    @Test
    void aContainerHasAVolumeThatIsMountedOnItsRoot() throws IOException {
        inNamespace(container("mount --bind target root/data"));

        assertThat(OtherNamespaces.container(origins()))
                .hasValue(processes.getFirst().pid());
        assertThat(OtherNamespaces.mayHave(target)).isTrue();
    }

    /** As an agent that has the machine's root mounted to look at it. */
    @Test
    void aCopyOfTheMachinesMountsIsNoVolumeOfAContainer() throws IOException {
        inNamespace(container("mount --rbind .. root/host"));

        assertThat(OtherNamespaces.container(origins())).isEmpty();
        assertThat(OtherNamespaces.mayHave(target)).isFalse();
    }

    /** As a service of systemd with a namespace of its own. */
    @Test
    void aNamespaceWithTheMachinesRootIsNoContainer() throws IOException {
        inNamespace(ofMachine());

        assertThat(OtherNamespaces.container(origins())).isEmpty();
        assertThat(OtherNamespaces.mayHave(target)).isFalse();
    }

    /** As of a service that has shut itself into a folder. */
    @Test
    void aProcessWhoseRootIsNoMountIsNoContainer() throws IOException {
        inNamespace("mkdir root/bin; cp /bin/busybox root/bin/; exec chroot root /bin/busybox sh -c"
                + " \"echo .; /bin/busybox sleep 60\"");

        assertThat(OtherNamespaces.container(origins())).isEmpty();
    }

    @Test
    void whatIsMountedTwiceInThisNamespaceIsElsewhereToo() throws IOException, InterruptedException {
        inNamespace(ofMachine());
        shell("mkdir copy; mount --bind target copy").waitFor();

        assertThat(OtherNamespaces.mayHave(target)).isTrue();
        shell("umount copy").waitFor();
    }
}

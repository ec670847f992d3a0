package io.berth.pool;

import static io.berth.TestFileSystem.shell;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TestFileSystem;
import io.berth.copy.Progress;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.PathHandle;
import io.berth.volume.Format;
import io.berth.volume.Limit;
import io.berth.volume.OnDelete;
import io.berth.volume.Ownership;
import io.berth.volume.Snapshot;
import io.berth.volume.SnapshotId;
import io.berth.volume.Source;
import io.berth.volume.Usage;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import io.berth.volume.VolumePath;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** What a pool promises whose file system holds directories to their limits; a thin subclass names one. */
@Timeout(300)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class LimitContract {
    static final long MIB = 1 << 20;
    private static final long LIMIT = 64 * MIB;
    /** What a file system may take of a volume for itself, and may be late to give back. */
    private static final long OVERHEAD = 2 * MIB;

    private TestFileSystem fileSystem;
    private int pools;
    private PoolConfig config;
    Pool pool;

    /** A new file system with quotas on, mounted. */
    abstract TestFileSystem makeFileSystem();

    /** Takes a volume's limit away behind Berth's back. */
    abstract void loseLimit(Directory data);

    /** Whether the file system keeps anything for volumes that are gone. */
    abstract boolean keepsAnything(Path poolRoot);

    @BeforeAll
    void mount() {
        fileSystem = makeFileSystem();
    }

    @AfterAll
    void unmount() {
        fileSystem.close();
    }

    @BeforeEach
    void open() throws IOException {
        Path root = Files.createDirectory(fileSystem.root().resolve("pool" + pools++));
        config = PoolConfig.parse("fast=local:" + root + ",overcommit=10,limit=advisory");
        pool = Pool.open(config);
    }

    @AfterEach
    void empty() {
        pool.volumes().catalog().forEachReadable(pool.volumes()::delete);
        reap();
        pool.close();
    }

    void reap() {
        await(() -> pool.reap(1000).removed() == 0 && pool.trash().count() == 0);
        pool.reap(1000);
    }

    void reopen() {
        pool.close();
        pool = Pool.open(config);
        pool.recover();
    }

    static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + Duration.ofMinutes(1).toNanos();
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("a minute is up").isLessThan(deadline);
            LockSupport.parkNanos(Duration.ofMillis(20).toNanos());
        }
    }

    Volume make(String name, Limit limit, OptionalLong inodes) {
        Volume volume = volume(name, limit, inodes, Optional.empty());
        pool.volumes().create(volume);
        return volume;
    }

    private Volume volume(String name, Limit limit, OptionalLong inodes, Optional<Source> source) {
        VolumeId id = new VolumeId(config.name(), name);
        return new Volume(
                id,
                name,
                VolumePath.of(id),
                new Format.Directory(limit, inodes),
                LIMIT,
                Instant.EPOCH,
                OnDelete.DELETE,
                Ownership.ROOT,
                false,
                false,
                source,
                Map.of());
    }

    Volume make(String name) {
        return make(name, Limit.ENFORCED, OptionalLong.empty());
    }

    Path path(Volume volume) {
        return config.root().resolve(volume.path().toPath());
    }

    Path root() {
        return config.root();
    }

    /** Writes a file until it has that many bytes or the file system says no; how many it has. */
    private long write(Volume volume, String name, long bytes) throws IOException {
        asContainer(volume, "dd if=/dev/zero bs=64k count=" + bytes / 65536 + " of=" + name);
        sync();
        return Files.size(path(volume).resolve(name));
    }

    /**
     * Runs a command in a volume as root of a container does, without CAP_SYS_RESOURCE; with it, ext4 sets no limits. When
     * it fails, it does so because a limit is reached.
     *
     * @return whether it ended well
     */
    boolean asContainer(Volume volume, String command) {
        String script = "LC_ALL=C setpriv --bounding-set=-sys_resource " + command + " 2>&1 || echo failed";
        String output = shell(path(volume), script);
        if (output.endsWith("failed\n")) {
            assertThat(output).containsAnyOf("Disk quota exceeded", "No space left on device");
            return false;
        }
        return true;
    }

    private void sync() {
        try (Directory root = Directory.open(config.root())) {
            root.syncfs();
        }
    }

    Usage usage(Volume volume) {
        sync();
        try (PathHandle at = PathHandle.open(path(volume)).orElseThrow()) {
            return pool.format(volume).usage(volume, at);
        }
    }

    private static void assertFull(long bytes, long limit) {
        assertThat(bytes).isBetween(limit - OVERHEAD, limit);
    }

    @Test
    void aWriterIsStoppedAtTheLimitAndHarmsNobody() throws IOException {
        Volume volume = make("a");
        Volume neighbour = make("b");
        assertFull(write(volume, "file", 256 * MIB), LIMIT);
        assertThat(write(neighbour, "file", 32 * MIB)).isEqualTo(32 * MIB);
        assertThat(usage(neighbour).usedBytes()).isBetween(32 * MIB, 32 * MIB + OVERHEAD);
        assertThat(pool.fileSystem().availableBytes()).isGreaterThan(256 * MIB);
    }

    @Test
    void theUsageOfAVolumeIsItsOwnAndItsTotalIsItsLimit() throws IOException {
        Volume volume = make("a");
        make("b");
        assertThat(usage(volume).totalBytes()).isEqualTo(LIMIT);
        assertThat(usage(volume).usedBytes()).isLessThan(OVERHEAD);
        write(volume, "file", 10 * MIB);
        assertThat(usage(volume).usedBytes()).isBetween(10 * MIB, 10 * MIB + OVERHEAD);
        assertThat(usage(volume).availableBytes()).isBetween(54 * MIB - OVERHEAD, 54 * MIB);
    }

    @Test
    void theLimitHoldsAfterTheFileSystemWasMountedAnew() throws IOException {
        Volume volume = make("a");
        sync();
        pool.close();
        fileSystem.remount();
        pool = Pool.open(config);
        assertThat(pool.formats().isHeldToLimit(volume)).isTrue();
        assertFull(write(volume, "file", 256 * MIB), LIMIT);
    }

    @Test
    void anExpandedVolumeHoldsItsNewSizeAndNoMore() throws IOException {
        Volume volume = make("a");
        assertFull(write(volume, "file", 256 * MIB), LIMIT);
        Volume larger = pool.volumes().expand(volume, 96 * MIB);
        assertThat(pool.formats().isHeldToLimit(larger)).isTrue();
        assertThat(usage(larger).totalBytes()).isEqualTo(96 * MIB);
        assertFull(write(larger, "more", 256 * MIB), 32 * MIB);
    }

    @Test
    void anExpansionThatACrashCutShortIsCompletedByTheSameCallOrTheNextStart() {
        Volume larger = make("a").withCapacity(96 * MIB);
        pool.volumes().catalog().replace(larger);
        assertThat(pool.formats().isHeldToLimit(larger)).isFalse();
        assertThat(pool.volumes().expand(larger, 96 * MIB)).isEqualTo(larger);
        assertThat(pool.formats().isHeldToLimit(larger)).isTrue();
        Volume largest = larger.withCapacity(128 * MIB);
        pool.volumes().catalog().replace(largest);
        reopen();
        assertThat(pool.formats().isHeldToLimit(largest)).isTrue();
    }

    @Test
    void aRestoredVolumeIsHeldToItsOwnLimit() throws IOException {
        Volume volume = make("a");
        write(volume, "file", 32 * MIB);
        Snapshot snapshot = snapshot(volume);
        Volume restored = restore(snapshot, "b", 96 * MIB);
        assertThat(usage(restored).totalBytes()).isEqualTo(96 * MIB);
        assertThat(usage(restored).usedBytes()).isBetween(charged(32 * MIB), charged(32 * MIB) + OVERHEAD);
        assertFull(write(restored, "more", 256 * MIB), 96 * MIB - charged(32 * MIB));
        assertThat(write(volume, "more", 16 * MIB)).isEqualTo(16 * MIB);
        Volume other = restore(snapshot, "c", LIMIT);
        reopen();
        assertThat(pool.formats().isHeldToLimit(other)).isTrue();
        assertFull(write(other, "more", 256 * MIB), LIMIT - charged(32 * MIB));
        pool.snapshots().delete(snapshot);
    }

    /** What a copy is charged for data that it shares with its source. */
    long charged(long shared) {
        return shared;
    }

    private Snapshot snapshot(Volume volume) {
        SnapshotId id = new SnapshotId(config.name(), "s");
        Snapshot wanted = new Snapshot(
                id,
                id.name(),
                volume.id(),
                volume.format(),
                volume.capacityBytes(),
                0,
                Instant.EPOCH,
                false,
                Optional.empty(),
                Map.of());
        try (ClaimedSource source = pool.volumes().claim(volume.id())) {
            pool.snapshots().begin(wanted);
            pool.snapshots().make(wanted, source, new Progress());
        }
        return pool.snapshots().find(id).orElseThrow();
    }

    private Volume restore(Snapshot snapshot, String name, long bytes) {
        Volume restored = volume(
                        name, Limit.ENFORCED, OptionalLong.empty(), Optional.of(new Source.OfSnapshot(snapshot.id())))
                .withCapacity(bytes);
        try (ClaimedSource source = pool.snapshots().claim(snapshot.id())) {
            pool.volumes().create(restored, source, new Progress());
        }
        return restored;
    }

    @Test
    void whatIsDeletedInAVolumeMakesRoomInIt() throws IOException {
        Volume volume = make("a");
        write(volume, "file", 256 * MIB);
        Files.delete(path(volume).resolve("file"));
        sync();
        assertThat(write(volume, "file", 32 * MIB)).isEqualTo(32 * MIB);
    }

    @Test
    void aLimitThatWasLostIsSetAgainWhenThePoolOpens() throws IOException {
        Volume volume = make("a");
        Volume advisory = make("b", Limit.ADVISORY, OptionalLong.empty());
        try (Directory data = pool.folder().openData(volume).orElseThrow()) {
            loseLimit(data);
        }
        assertThat(pool.formats().isHeldToLimit(volume)).isFalse();
        reopen();
        assertThat(pool.formats().isHeldToLimit(volume)).isTrue();
        assertFull(write(volume, "file", 256 * MIB), LIMIT);
        assertThat(write(advisory, "file", 80 * MIB)).isEqualTo(80 * MIB);
    }

    @Test
    void whatADeletedVolumeHeldComesBackWholly() throws IOException {
        awaitNothingKept(); // of the tests before
        Volume volume = make("a");
        long before = pool.fileSystem().freeBytes();
        Files.createDirectories(path(volume).resolve("some/folders/deep"));
        write(volume, "file", 256 * MIB);
        pool.volumes().delete(volume);
        assertThat(pool.availableBytes()).as("trash counts as used").isLessThan(before - LIMIT + OVERHEAD);
        reap();
        await(() -> {
            sync();
            pool.reap(1000);
            return pool.fileSystem().freeBytes() > before - OVERHEAD;
        });
        awaitNothingKept();
    }

    private void awaitNothingKept() {
        await(() -> {
            sync();
            reopen();
            return !keepsAnything(config.root());
        });
    }

    @Test
    void aNewVolumeOfTheNameOfOneInTheTrashHasAllItsRoom() throws IOException {
        Volume volume = make("a");
        write(volume, "file", 256 * MIB);
        pool.volumes().delete(volume);
        Volume again = make("a");
        assertFull(write(again, "file", 256 * MIB), LIMIT);
        reap();
        reopen();
        assertThat(pool.formats().isHeldToLimit(again)).isTrue();
    }

    @Test
    void anAdvisoryVolumeIsNotHeldToItsSize() throws IOException {
        Volume volume = make("a", Limit.ADVISORY, OptionalLong.empty());
        assertThat(write(volume, "file", 80 * MIB)).isEqualTo(80 * MIB);
        assertThat(pool.formats().isHeldToLimit(volume)).isTrue();
    }

    @Test
    void aCreateThatWasCutShortLeavesNothing() {
        Volume volume = make("a");
        pool.volumes().catalog().beginDelete(volume.id()); // as if it had never been committed
        pool.volumes().catalog().finishDelete(volume.id());
        assertThat(pool.volumes().catalog().begin(volume)).isTrue();
        reopen();
        assertThat(path(volume)).doesNotExist();
        awaitNothingKept();
    }

    @Test
    void enforcedIsChosenAndProblemsAreNone() {
        assertThat(pool.formats().limitProblem()).isEmpty();
        assertThat(pool.chooseFormat(VolumeParameters.parse(Map.of("limit", "enforced")), true))
                .isEqualTo(new Format.Directory(Limit.ENFORCED, OptionalLong.empty()));
    }

    @Test
    void aVolumeWhoseDataIsGoneStopsNoOpening() throws IOException {
        Volume volume = make("a");
        Volume other = make("b");
        Files.delete(path(volume));
        reopen();
        assertThatThrownBy(() -> pool.formats().isHeldToLimit(volume))
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.NOT_FOUND));
        assertThat(pool.formats().isHeldToLimit(other)).isTrue();
    }
}

package io.berth.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import io.berth.volume.AccessMode;
import io.berth.volume.Attachment;
import io.berth.volume.Format;
import io.berth.volume.Limit;
import io.berth.volume.NodeId;
import io.berth.volume.OnDelete;
import io.berth.volume.Ownership;
import io.berth.volume.PoolName;
import io.berth.volume.SnapshotId;
import io.berth.volume.Source;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumePath;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class VolumeRecordTest {
    private static final VolumeId ID = new VolumeId(new PoolName("fast"), "v1");
    private static final Volume VOLUME = new Volume(
            ID,
            "v1 \"quoted\" ü",
            VolumePath.parse("team/data"),
            new Format.Directory(Limit.ENFORCED, OptionalLong.of(1000)),
            1L << 40,
            Instant.parse("2026-01-02T03:04:05.678901234Z"),
            OnDelete.ARCHIVE,
            new Ownership(1000, 4294967294L, 02770),
            true,
            false,
            Optional.of(new Source.OfSnapshot(new SnapshotId(new PoolName("fast"), "s1"))),
            Map.of("subDir", "team/data", "onDelete", "archive"),
            new TreeMap<>(Map.of(
                    new NodeId("n1"), new Attachment(AccessMode.MULTI_NODE_SINGLE_WRITER, false),
                    new NodeId("n-2.example"), new Attachment(AccessMode.MULTI_NODE_READER_ONLY, true))));

    @Test
    void whatIsWrittenIsReadBack() {
        byte[] record = VolumeRecord.encode(VOLUME);
        assertThat(VolumeRecord.decode(ID, record)).isEqualTo(VOLUME);
        assertThat(RecordText.isCutShort(record)).isFalse();
    }

    @Test
    void everyCutIsNoticed() {
        byte[] record = VolumeRecord.encode(VOLUME);
        for (int length = 0; length < record.length; length++) {
            byte[] cut = Arrays.copyOf(record, length);
            assertThat(RecordText.isCutShort(cut)).isTrue();
            assertThatThrownBy(() -> VolumeRecord.decode(ID, cut)).satisfies(VolumeRecordTest::isCorrupt);
        }
    }

    @Test
    void everyFlippedBitIsNoticed() {
        byte[] record = VolumeRecord.encode(VOLUME);
        int body = new String(record, StandardCharsets.ISO_8859_1).indexOf("\"checksum\"");
        for (int i = 0; i < body; i++) {
            byte[] flipped = record.clone();
            flipped[i] ^= 1;
            assertThatThrownBy(() -> VolumeRecord.decode(ID, flipped)).satisfies(VolumeRecordTest::isCorrupt);
        }
    }

    @Test
    void anEditedRecordSaysSo() {
        assertThatThrownBy(() -> VolumeRecord.decode(ID, edited("1099511627776", "2099511627776")))
                .hasMessageContaining("fast.v1")
                .hasMessageContaining("checksum");
    }

    @Test
    void aNewerFormatSaysToUpgrade() {
        assertThatThrownBy(() -> VolumeRecord.decode(ID, edited("\"berth\" : 1", "\"berth\" : 2")))
                .hasMessageContaining("upgrade Berth");
    }

    @Test
    void anotherVolumesRecordIsRefused() {
        VolumeId other = new VolumeId(new PoolName("fast"), "v2");
        assertThatThrownBy(() -> VolumeRecord.decode(other, VolumeRecord.encode(VOLUME)))
                .satisfies(VolumeRecordTest::isCorrupt)
                .hasMessageContaining("copied or renamed");
    }

    @Test
    void aPathThatIsAnothersIsRefused() {
        for (String path : List.of("fast.v2", "fast.v2/data", "fast.v1/data", "archived-fast.v2-20260101")) {
            byte[] forged = VolumeRecord.encode(new Volume(
                    ID,
                    "v1",
                    VolumePath.parse(path),
                    Format.Directory.ADVISORY,
                    0,
                    VOLUME.created(),
                    OnDelete.DELETE,
                    Ownership.ROOT,
                    false,
                    false,
                    Optional.empty(),
                    Map.of()));
            assertThatThrownBy(() -> VolumeRecord.decode(ID, forged))
                    .satisfies(VolumeRecordTest::isCorrupt)
                    .hasMessageContaining(path);
        }
    }

    private static byte[] edited(String from, String to) {
        String text = new String(VolumeRecord.encode(VOLUME), StandardCharsets.UTF_8);
        assertThat(text).contains(from);
        return text.replace(from, to).getBytes(StandardCharsets.UTF_8);
    }

    private static void isCorrupt(Throwable thrown) {
        assertThat(thrown)
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.CORRUPT));
    }
}

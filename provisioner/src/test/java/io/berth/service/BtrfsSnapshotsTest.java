package io.berth.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.copy.Rung;
import io.berth.volume.Snapshot;
import io.berth.volume.Source;
import io.berth.volume.Volume;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;

class BtrfsSnapshotsTest extends SnapshotsContract {
    BtrfsSnapshotsTest() {
        super("btrfs", 512L << 20, Rung.SNAPSHOT);
    }

    @Test
    void nobodyCanWriteToASnapshot() throws Exception {
        volume("v");
        Snapshot snapshot = snapshot("s", "fast.v");
        assertThatThrownBy(() -> Files.writeString(data(snapshot).resolve("file"), "other"))
                .hasMessageContaining("Read-only file system");
        Volume restored = from("restored", new Source.OfSnapshot(snapshot.id()), 0);
        Files.writeString(file(restored), "other");
        snapshots.delete(snapshot.id().toString());
        assertThat(data(snapshot)).doesNotExist();
    }
}

package io.berth.faults;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.pool.PoolCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Records that are damaged: the driver starts, names them, and harms nothing else. */
class DamageTest {
    private static final int FILE = 1;
    private static final String VOLUME = "volumes/p.v.json";
    private static final String SNAPSHOT = "snapshots/ready/p.s.json";

    @TempDir
    Path folder;

    private Path records;
    private Calls calls;
    private final Subject volume = new Subject("p.v", Subject.Kind.VOLUME);
    private final Subject other = new Subject("p.other", Subject.Kind.VOLUME);
    private final Subject snapshot = new Subject("p.s", Subject.Kind.SNAPSHOT);
    private final Subject ofOther = new Subject("p.of-other", Subject.Kind.SNAPSHOT);

    @BeforeEach
    void fill() throws IOException {
        folder = folder.toRealPath();
        records = folder.resolve("pool/.berth");
        calls = new Calls(folder.resolve("staging"));
        try (Parts parts = new Parts(folder)) {
            for (Subject made : List.of(volume, other)) {
                calls.create(made, 1 << 20, Map.of("subDir", "sub/" + made.id), Optional.empty())
                        .accept(parts);
                calls.write(made, false, FILE).accept(parts);
            }
            calls.snapshot(snapshot, volume).accept(parts);
            calls.snapshot(ofOther, other).accept(parts);
        }
    }

    @AfterEach
    void othersAreAsTheyWere() throws IOException {
        try (Parts parts = new Parts(folder)) {
            assertThat(Numbered.areWhole(calls.files(parts, other.id, false), Set.of(FILE)))
                    .isTrue();
            assertThat(parts.snapshots.get(ofOther.id).ready()).isTrue();
            assertThat(Numbered.areWhole(records.resolve("snapshots/data").resolve(ofOther.id), Set.of(FILE)))
                    .isTrue();
            assertThat(Numbered.areWhole(folder.resolve("pool/sub/p.v"), Set.of(FILE)))
                    .isTrue();
            assertThat(Numbered.areWhole(records.resolve("snapshots/data/p.s"), Set.of(FILE)))
                    .isTrue();
        }
    }

    /** What happens to a record. */
    enum Damage {
        CUT_SHORT {
            @Override
            void to(Path record, Path other) throws IOException {
                byte[] bytes = Files.readAllBytes(record);
                Files.write(record, java.util.Arrays.copyOf(bytes, bytes.length / 2));
            }
        },
        EMPTY {
            @Override
            void to(Path record, Path other) throws IOException {
                Files.write(record, new byte[0]);
            }
        },
        FLIPPED {
            @Override
            void to(Path record, Path other) throws IOException {
                byte[] bytes = Files.readAllBytes(record);
                bytes[bytes.length / 3] ^= 4;
                Files.write(record, bytes);
            }
        },
        NEWER {
            @Override
            void to(Path record, Path other) throws IOException {
                Files.writeString(
                        record, Files.readString(record).replaceFirst("\"berth\" *: *\\d+", "\"berth\" : 99"));
            }
        },
        OF_ANOTHER {
            @Override
            void to(Path record, Path other) throws IOException {
                Files.write(record, Files.readAllBytes(other));
            }
        },
        FIFO {
            @Override
            void to(Path record, Path other) throws IOException {
                Files.delete(record);
                TestFileSystem.run("mkfifo", record.toString());
            }
        },
        LINK {
            @Override
            void to(Path record, Path other) throws IOException {
                Files.delete(record);
                Files.createSymbolicLink(record, other);
            }
        },
        FOLDER {
            @Override
            void to(Path record, Path other) throws IOException {
                Files.delete(record);
                Files.createDirectory(record);
            }
        };

        abstract void to(Path record, Path other) throws IOException;
    }

    private static List<String> findings(Parts parts) {
        List<String> findings = new ArrayList<>();
        PoolCheck.run(parts.pool(), false, finding -> findings.add(finding.subject() + ": " + finding.problem()));
        return findings;
    }

    @ParameterizedTest
    @EnumSource
    void aVolumeWithADamagedRecordIsNamedAndKept(Damage damage) throws IOException {
        damage.to(records.resolve(VOLUME), records.resolve("volumes/p.other.json"));
        try (Parts parts = new Parts(folder)) {
            assertThat(findings(parts)).anyMatch(finding -> finding.contains("p.v"));
            refused(() -> parts.volumes.get("p.v"));
            refused(() -> parts.volumes.delete("p.v"));
            refused(() ->
                    calls.create(volume, 1 << 20, Map.of(), Optional.empty()).accept(parts));
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSnapshotWithADamagedRecordIsNamedAndKept(Damage damage) throws IOException {
        damage.to(records.resolve(SNAPSHOT), records.resolve("snapshots/ready/p.of-other.json"));
        try (Parts parts = new Parts(folder)) {
            assertThat(findings(parts)).anyMatch(finding -> finding.contains("p.s"));
            refused(() -> parts.snapshots.get("p.s"));
            refused(() -> parts.snapshots.delete("p.s"));
            refused(() -> calls.snapshot(snapshot, volume).accept(parts));
        }
    }

    private static void refused(Runnable call) {
        assertThat(org.assertj.core.api.Assertions.catchThrowable(call::run))
                .isInstanceOf(Fault.class)
                .hasMessageNotContaining("Exception");
    }

    /** A backup that is unpacked over a pool may do this. */
    @ParameterizedTest
    @ValueSource(strings = {"creating", "deleting"})
    void anIntentBesideAVolumeHarmsItNot(String state) throws IOException {
        Files.copy(records.resolve(VOLUME), records.resolve(state).resolve("p.v.json"));
        Files.copy(
                records.resolve(SNAPSHOT),
                records.resolve("snapshots").resolve(state).resolve("p.s.json"));
        try (Parts parts = new Parts(folder)) {
            assertThat(parts.volumes.find("p.v")).isPresent();
            assertThat(parts.snapshots.get("p.s").ready()).isTrue();
            assertThat(findings(parts)).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {VOLUME, SNAPSHOT})
    void aRecordThatIsThereTwiceIsNamed(String record) throws IOException {
        Path copy = records.resolve(record.replace(".json", "-2.json"));
        Files.write(copy, Files.readString(records.resolve(record)).getBytes(UTF_8));
        try (Parts parts = new Parts(folder)) {
            assertThat(findings(parts))
                    .anyMatch(finding ->
                            finding.contains(copy.getFileName().toString().replace(".json", "")));
        }
    }

    @ParameterizedTest
    @EnumSource
    void theCheckGoesOnAfterADamagedClaim(Damage damage) throws IOException {
        damage.to(records.resolve("paths/sub/p.v"), records.resolve("paths/sub/p.other"));
        Files.write(records.resolve(SNAPSHOT), new byte[0]);
        try (Parts parts = new Parts(folder)) {
            assertThat(findings(parts)).anyMatch(finding -> finding.contains("snapshot p.s"));
        }
    }
}

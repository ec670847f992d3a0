package io.berth.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.TemporaryPool;
import io.berth.fault.Fault;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A pool keeps its identity, whatever happens to the file that says it. */
class PoolIdentityTest {
    @TempDir
    Path folder;

    private PoolConfig config;
    private Path file;
    private Path copy;
    private PoolIdentity identity;

    @BeforeEach
    void make() throws Exception {
        config = TemporaryPool.config(folder, "fast", "local", "");
        try (Pool pool = Pool.open(config)) {
            identity = pool.identity();
        }
        Path records = config.root().resolve(".berth");
        file = records.resolve("pool.json");
        copy = records.resolve("pool.json.old");
        Files.writeString(records.resolve("volumes/fast.v.json"), "any");
    }

    private PoolIdentity reopened() {
        try (Pool pool = Pool.open(config)) {
            return pool.identity();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"pool.json", "pool.json.old"})
    void aLostFileIsWrittenFromTheOther(String name) throws Exception {
        Path lost = file.resolveSibling(name);
        String text = Files.readString(lost);
        Files.delete(lost);
        assertThat(reopened()).isEqualTo(identity);
        assertThat(lost).hasContent(text);
        Files.writeString(lost, "{ damaged");
        assertThat(reopened()).isEqualTo(identity);
        assertThat(lost).hasContent(text);
    }

    @Test
    void theCheckWritesIt() throws Exception {
        Files.delete(file);
        List<PoolCheck.Finding> findings = new ArrayList<>();
        try (Pool pool = Pool.openExisting(config)) {
            PoolCheck.run(pool, true, findings::add);
        }
        assertThat(findings).extracting(PoolCheck.Finding::subject).contains("pool fast");
        assertThat(file).hasSameTextualContentAs(copy);
    }

    @Test
    void withoutEitherItIsRefusedAndTheAdviceHelps() throws Exception {
        Files.delete(file);
        Files.delete(copy);
        assertThatThrownBy(this::reopened)
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.FAILED_PRECONDITION));
        String advice = "";
        try {
            reopened();
        } catch (Fault e) {
            advice = e.getMessage();
        }
        Matcher json = Pattern.compile("write (\\{.*}) to it").matcher(advice);
        assertThat(json.find()).as(advice).isTrue();
        Files.writeString(file, json.group(1));
        assertThat(reopened().name()).isEqualTo(identity.name());
    }

    @Test
    void aDamagedFileWithoutACopyIsRefused() throws Exception {
        Files.writeString(file, "{ damaged");
        Files.delete(copy);
        assertThatThrownBy(this::reopened).hasMessageContaining("damaged");
    }

    @Test
    void aPoolWithoutVolumesGetsANewOne() throws Exception {
        Files.delete(file);
        Files.delete(copy);
        Files.delete(file.resolveSibling("volumes").resolve("fast.v.json"));
        assertThat(reopened()).isNotEqualTo(identity);
    }
}

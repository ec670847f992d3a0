package io.berth.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import io.berth.nfs.Export;
import io.berth.nfs.NfsOptions;
import io.berth.nfs.NfsShare;
import io.berth.volume.Limit;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PoolConfigTest {
    @ParameterizedTest
    @ValueSource(strings = {"nolock", "nolock,nfsvers=3", "local_lock=all", "local_lock=flock"})
    void locksOfThisMachineAloneAreRefusedWhereVersion3MayBeSpoken(String options) {
        assertThatThrownBy(() -> PoolConfig.parse("nas=nfs:nas:/export," + options))
                .hasMessageContaining("pool nas option")
                .hasMessageContaining("nfsvers=4.2");
    }

    @ParameterizedTest
    @ValueSource(strings = {"lock", "nolock,nfsvers=4", "local_lock=none,nfsvers=3", "local_lock=posix,nfsvers=4.1"})
    void locksThatHoldOnEveryMachineAreTaken(String options) {
        assertThat(PoolConfig.parse("nas=nfs:nas:/export," + options).nfs()).isPresent();
    }

    @Test
    void readsAPoolWithItsOptions() {
        PoolConfig config = PoolConfig.parse("fast=local:/srv/fast,size=1Gi,overcommit=1.5,discover=true");
        assertThat(config.name().text()).isEqualTo("fast");
        assertThat(config.kind()).isEqualTo(PoolKind.LOCAL);
        assertThat(config.root()).isEqualTo(Path.of("/srv/fast"));
        assertThat(config.sizeBytes()).hasValue(1L << 30);
        assertThat(config.overcommit()).isEqualByComparingTo(new BigDecimal("1.5"));
        assertThat(config.discover()).isTrue();
        assertThat(PoolConfig.parse("fast=local:/srv/fast").discover()).isFalse();
    }

    @Test
    void onlyAFolderThatSomebodyElseMountsIsWaitedFor() {
        assertThat(PoolConfig.parse("a=local:/srv/a,mounted=true").awaitsMount())
                .isTrue();
        assertThat(PoolConfig.parse("a=hostpath:/srv/a").awaitsMount()).isFalse();
        assertThat(PoolConfig.parse("a=nfs:nas:/export,path=/srv/a,mounted=true")
                        .awaitsMount())
                .isTrue();
        assertThatThrownBy(() -> PoolConfig.parse("a=nfs:nas:/export,mounted=true"))
                .hasMessageContaining("Berth itself mounts the export");
    }

    @Test
    void onlyVolumesOfLocalPoolsAreHeldToTheirSizeUnlessTheSettingsSayMore() {
        assertThat(PoolConfig.parse("a=local:/srv/a").limitOfSized()).isEqualTo(Limit.ENFORCED);
        assertThat(PoolConfig.parse("a=local:/srv/a,limit=advisory").limitOfSized())
                .isEqualTo(Limit.ADVISORY);
        assertThat(PoolConfig.parse("a=hostpath:/srv/a").limitOfSized()).isEqualTo(Limit.ADVISORY);
        assertThat(PoolConfig.parse("a=hostpath:/srv/a,limit=enforced").limitOfSized())
                .isEqualTo(Limit.ENFORCED);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "fast",
                "fast=/srv",
                "fast=tape:/srv",
                "Fast=local:/srv",
                "fast=local:srv",
                "fast=local:/",
                "fast=local:/srv/../etc",
                "fast=local:/srv,sise=1",
                "fast=local:/srv,size=x",
                "fast=local:/srv,overcommit=0.5",
                "fast=local:/srv,overcommit=1001",
                "fast=local:/srv,discover=yes",
                "fast=local:/srv,mounted=yes",
                "home=nfs:nas:/export,mounted=true",
                "home=nfs:/export",
                "home=nfs:nas",
                "home=nfs:nas:export",
                "home=nfs:nas:/export/..",
                "home=nfs:nas:/export,exec=/bin/sh",
                "home=nfs:nas:/export,hard,soft"
            })
    void refusesWhatIsNoPool(String text) {
        assertThatThrownBy(() -> PoolConfig.parse(text))
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.INVALID_ARGUMENT));
    }

    @Test
    void readsAnExportWithItsMountOptions() {
        PoolConfig config = PoolConfig.parse("home=nfs:[fd00::5]:/export,nfsvers=4.2,size=1Gi,nosuid");
        NfsShare share = config.nfs().orElseThrow();
        assertThat(share.export()).isEqualTo(Export.parse("[fd00::5]:/export"));
        assertThat(share.options()).hasToString("vers=4.2,nosuid");
        assertThat(config.sizeBytes()).hasValue(1L << 30);
        assertThat(config.root()).isEqualTo(share.mountPoint());
        assertThat(config).hasToString("home=nfs:[fd00::5]:/export");
    }

    @Test
    void onTheServerAnExportIsAFolder() {
        PoolConfig config = PoolConfig.parse("home=nfs:nas:/export,path=/srv/export,limit=enforced");
        assertThat(config.root()).isEqualTo(Path.of("/srv/export"));
        assertThat(config.nfs().orElseThrow().export()).isEqualTo(Export.parse("nas:/export"));
        assertThat(config.mounted()).isEmpty();
        assertThatThrownBy(() -> PoolConfig.parse("home=nfs:nas:/export,path=srv"))
                .hasMessageContaining("absolute");
        assertThatThrownBy(() -> PoolConfig.parse("home=local:/srv,path=/srv")).hasMessageContaining("path=/srv");
        assertThatThrownBy(() -> pools("a=nfs:nas:/a,path=/srv/a", "b=local:/srv/a/b"))
                .hasMessageContaining("lies in that of pool a");
    }

    @Test
    void eachExportAndWayToMountItHasAPlaceOfItsOwn() {
        assertThat(List.of("nas:/a", "nas:/b", "nas2:/a", "nas:/a,nfsvers=3").stream()
                        .map(text -> PoolConfig.parse("home=nfs:" + text).root()))
                .doesNotHaveDuplicates();
    }

    @Test
    void exportsThatLieInEachOtherAreRefused() {
        assertThatThrownBy(() -> pools("a=nfs:nas:/export", "b=nfs:nas:/export/b,soft"))
                .hasMessageContaining("lies in that of pool a");
    }

    @Test
    void poolsWithOneNameOrOneFolderAreRefused(@TempDir Path folder) throws Exception {
        Path real = Files.createDirectory(folder.resolve("real"));
        Path link = Files.createSymbolicLink(folder.resolve("link"), real);
        Files.createDirectory(real.resolve("inner"));
        assertThatThrownBy(() -> pools("a=local:" + real, "a=local:" + folder))
                .hasMessageContaining("two of this name");
        assertThatThrownBy(() -> pools("a=local:" + real, "b=local:" + link))
                .hasMessageContaining("lies in that of pool");
        assertThatThrownBy(() -> pools("a=local:" + real, "b=hostpath:" + link + "/inner"))
                .hasMessageContaining("lies in that of pool a");
    }

    private static Pools pools(String... configs) {
        return Pools.serving(List.of(configs).stream().map(PoolConfig::parse).toList());
    }

    @Test
    void anOptionThatOnlyThePoolsOwnMountCanHaveIsRefusedOfAVolumeWithTheCure() {
        NfsOptions asked = NfsOptions.parse("mount_flags", List.of("nfsvers=4.2,nconnect=4"));
        PoolConfig plain = PoolConfig.parse("home=nfs:nas:/export");
        assertThatThrownBy(() -> plain.requireMountable(asked))
                .hasMessageStartingWith("mount_flags \"nconnect=4\"")
                .hasMessageEndingWith("--pool home=nfs:nas:/export,nconnect=4");
        PoolConfig.parse("home=nfs:nas:/export,nconnect=4").requireMountable(asked);
        PoolConfig.parse("home=nfs:nas:/export,path=/srv/export").requireMountable(asked);
    }
}

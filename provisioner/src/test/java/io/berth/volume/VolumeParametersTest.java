package io.berth.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class VolumeParametersTest {
    private static final Map<String, String> CLAIM = Map.of(
            "csi.storage.k8s.io/pvc/name", "data",
            "csi.storage.k8s.io/pvc/namespace", "shop",
            "csi.storage.k8s.io/pv/name", "pvc-7");

    private static Map<String, String> with(String key, String value) {
        Map<String, String> all = new java.util.HashMap<>(CLAIM);
        all.put(key, value);
        return all;
    }

    @Test
    void nothingGivenIsARootOwnedVolumeThatIsDeleted() {
        VolumeParameters parameters = VolumeParameters.parse(Map.of());
        assertThat(parameters.pool()).isEmpty();
        assertThat(parameters.ownership()).isEqualTo(new Ownership(0, 0, 0755));
        assertThat(parameters.onDelete()).isEqualTo(OnDelete.DELETE);
        assertThat(parameters.path()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "${pvc.metadata.namespace}/${pvc.metadata.name}, shop/data",
        "${.PVC.namespace}-${.PVC.name}, shop-data",
        "${pv.metadata.name}, pvc-7",
        "plain/path, plain/path"
    })
    void templatesAreFilledInFromTheClaim(String template, String path) {
        assertThat(VolumeParameters.parse(with("subDir", template)).path())
                .map(VolumePath::toString)
                .contains(path);
        assertThat(VolumeParameters.parse(with("pathPattern", template)).path())
                .map(VolumePath::toString)
                .contains(path);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "/abs",
                "a//b",
                "a/",
                "..",
                "a/../b",
                "./a",
                ".berth",
                ".berth/x",
                "${",
                "${x}",
                "${pvc}",
                "a\nb"
            })
    void pathsThatLeadElsewhereAreRefused(String template) {
        assertThatThrownBy(() -> VolumeParameters.parse(with("subDir", template)))
                .isInstanceOfSatisfying(
                        Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.INVALID_ARGUMENT));
    }

    @Test
    void aClaimsNameCannotLeadElsewhere() {
        Map<String, String> hostile =
                Map.of("subDir", "${pvc.metadata.name}", "csi.storage.k8s.io/pvc/name", "../../etc");
        assertThatThrownBy(() -> VolumeParameters.parse(hostile)).hasMessageContaining("pvc/name");
    }

    @Test
    void aTemplateWithoutItsValueSaysHowToGetIt() {
        assertThatThrownBy(() -> VolumeParameters.parse(Map.of("subDir", "${pvc.metadata.name}")))
                .hasMessageContaining("--extra-create-metadata");
    }

    @Test
    void unknownKeysAreRefusedByName() {
        assertThatThrownBy(() -> VolumeParameters.parse(Map.of("pol", "fast")))
                .hasMessageContaining("\"pol\"")
                .hasMessageContaining("pool");
    }

    @ParameterizedTest
    @CsvSource({
        "uid,-1",
        "uid,4294967295",
        "gid,x",
        "gid,''",
        "mode,9",
        "mode,0999",
        "mode,77777",
        "onDelete,keep",
        "pool,../x"
    })
    void wrongValuesAreRefusedByName(String key, String value) {
        assertThatThrownBy(() -> VolumeParameters.parse(Map.of(key, value)))
                .hasMessageContaining(key)
                .hasMessageContaining(value);
    }

    @Test
    void subDirAndPathPatternExcludeEachOther() {
        assertThatThrownBy(() -> VolumeParameters.parse(Map.of("subDir", "a", "pathPattern", "b")))
                .hasMessageContaining("not both");
    }

    @Test
    void aClassOfCsiDriverNfsNeedsNoOtherKeys() {
        VolumeParameters parameters = VolumeParameters.parse(
                Map.of("server", "nas", "share", "/srv", "onDelete", "retain", "mountPermissions", "0777"));
        assertThat(parameters.onDelete()).isEqualTo(OnDelete.RETAIN);
        assertThat(parameters.ownership().mode()).isEqualTo(0777);
        assertThat(VolumeParameters.parse(Map.of("mountPermissions", "0")).ownership())
                .isEqualTo(Ownership.ROOT);
        assertThat(parameters.ownershipOver(new Ownership(5, 5, 0700))).isEqualTo(new Ownership(5, 5, 0777));
        assertThatThrownBy(() -> VolumeParameters.parse(Map.of("mountPermissions", "9")))
                .hasMessageContaining("mountPermissions");
    }

    @ParameterizedTest
    @CsvSource({
        "archiveOnDelete, true, shop-data-pvc-7, ARCHIVE",
        "archiveOnDelete, False, shop-data-pvc-7, DELETE",
        "pathPattern, a/${.PVC.name}, a/data, ARCHIVE"
    })
    void aClassOfNfsSubdirExternalProvisionerHasItsDefaults(String key, String value, String path, OnDelete fate) {
        VolumeParameters parameters = VolumeParameters.parse(with(key, value));
        assertThat(parameters.path()).map(VolumePath::toString).contains(path);
        assertThat(parameters.onDelete()).isEqualTo(fate);
        assertThat(parameters.ownership().mode()).isEqualTo(0777);
    }
}

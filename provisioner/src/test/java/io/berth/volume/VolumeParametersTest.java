package io.berth.volume;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import java.util.List;
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
        "{{ .PVC.Namespace }}/{{ .PVC.Name }}, shop/data",
        "{{.PVName}}_{{.PVC.Namespace}}_{{  .PVC.Name}}/, pvc-7_shop_data",
        "/application/dev/${.PVC.name}, application/dev/data",
        "a//${.PVC.name}//, a/data",
        "plain/path, plain/path",
        "5$/a{1}, 5$/a{1}"
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
                "/",
                "..",
                "/../a",
                "a/..",
                "a/../b",
                "./a",
                ".berth",
                ".berth/x",
                "${",
                "${x}",
                "${pvc}",
                "{{ .PVC.Labels.app }}",
                "{{ index .PVC.Annotations \"x\" }}/{{ .PVC.Name }}",
                "{{ .PVC.Name",
                "a}}",
                "{pvc.namespace}/{pvc.name}",
                "$(pvc.metadata.name)",
                "$PVC_NAME",
                "${.PVC.name}/${.PVC.labels.app}",
                "a\nb"
            })
    void pathsThatLeadElsewhereAreRefusedByKeyAndTemplate(String template) {
        for (String key : List.of("subDir", "pathPattern")) {
            assertThatThrownBy(() -> VolumeParameters.parse(with(key, template)))
                    .isInstanceOfSatisfying(
                            Fault.class, fault -> assertThat(fault.kind()).isEqualTo(Fault.Kind.INVALID_ARGUMENT))
                    .hasMessageStartingWith(key + " " + Fault.quote(template) + ": ");
        }
    }

    @Test
    void aRefusedPathIsShownAsTheTemplateGivesIt() {
        assertThatThrownBy(() -> VolumeParameters.parse(with("subDir", "/.berth/${pvc.metadata.name}")))
                .hasMessageStartingWith("subDir \"/.berth/${pvc.metadata.name}\": gives the path \"/.berth/data\": ");
    }

    @Test
    void anEmptyTemplateIsNone() {
        assertThat(VolumeParameters.parse(with("subDir", "")).path()).isEmpty();
        VolumeParameters patterned = VolumeParameters.parse(with("pathPattern", ""));
        assertThat(patterned.path()).map(VolumePath::toString).contains("shop-data-pvc-7");
        Map<String, String> both = with("pathPattern", "");
        both.put("subDir", "a");
        assertThat(VolumeParameters.parse(both).path())
                .map(VolumePath::toString)
                .contains("a");
    }

    @Test
    void aClaimsNameCannotLeadElsewhere() {
        Map<String, String> hostile =
                Map.of("subDir", "${pvc.metadata.name}", "csi.storage.k8s.io/pvc/name", "../../etc");
        assertThatThrownBy(() -> VolumeParameters.parse(hostile))
                .hasMessageStartingWith("subDir \"${pvc.metadata.name}\": ")
                .hasMessageContaining("csi.storage.k8s.io/pvc/name is \"../../etc\"");
    }

    @Test
    void aTemplateWithoutItsValueSaysHowToGetIt() {
        assertThatThrownBy(() -> VolumeParameters.parse(Map.of("subDir", "${pvc.metadata.name}")))
                .hasMessageContaining("--extra-create-metadata");
    }

    @Test
    void aClassIsReadBeforeThereIsAClaim() {
        Map<String, String> given = Map.of(
                "pool",
                "fast",
                "pathPattern",
                "${.PVC.namespace}/${.PVC.name}",
                "csi.storage.k8s.io/fstype",
                "ext4",
                "csi.storage.k8s.io/provisioner-secret-name",
                "s");
        assertThat(VolumeParameters.ofClass(given).pool()).contains(new PoolName("fast"));
        assertThatThrownBy(() -> VolumeParameters.ofClass(Map.of("subDir", "${pvc.metadata.label}")))
                .hasMessageContaining("unknown variable");
    }

    @Test
    void whatIsKubernetesOwnIsNoneOfTheParameters() {
        assertThat(VolumeParameters.parse(Map.of("csi.storage.k8s.io/fstype", "xfs"))
                        .strings())
                .isEmpty();
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

    @Test
    void csiDriverNfsReadsItsKeysInSmallAndCapitalLetters() {
        VolumeParameters parameters = VolumeParameters.parse(
                Map.of("Server", "nas", "SHARE", "/srv", "subdir", "a", "ondelete", "Retain", "mountpermissions", ""));
        assertThat(parameters.path()).map(VolumePath::toString).contains("a");
        assertThat(parameters.onDelete()).isEqualTo(OnDelete.RETAIN);
        assertThat(parameters.strings()).containsKeys("server", "share", "subDir", "onDelete", "mountPermissions");
        assertThatThrownBy(() -> VolumeParameters.parse(Map.of("subDir", "a", "subdir", "b")))
                .hasMessageContaining("given twice");
    }

    @ParameterizedTest
    @CsvSource({
        "pathPattern, '{{ .PVC.Namespace }}/{{ .PVC.Name }}', shop/data",
        "nodePath, /data/ssd, ''",
        "allowUnsafePathPattern, true, ''"
    })
    void aClassOfLocalPathProvisionerHasItsDefaults(String key, String value, String path) {
        VolumeParameters parameters = VolumeParameters.parse(with(key, value));
        assertThat(parameters.path().map(VolumePath::toString).orElse("")).isEqualTo(path);
        assertThat(parameters.onDelete()).isEqualTo(OnDelete.DELETE);
        assertThat(parameters.ownership().mode()).isEqualTo(0777);
        assertThatThrownBy(() -> VolumeParameters.parse(with("allowUnsafePathPattern", "maybe")))
                .hasMessageContaining("allowUnsafePathPattern");
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

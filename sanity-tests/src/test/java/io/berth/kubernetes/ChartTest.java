package io.berth.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.berth.sanity.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The chart as helm sees it, and the manifests that are made of it. */
@Tag("kubernetes")
@Timeout(120)
class ChartTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @MethodSource("io.berth.kubernetes.Chart#valueSets")
    void helmFindsNothingToComplainAbout(Path values) {
        assertThat(Chart.helm("lint", Chart.FOLDER.toString(), Chart.VERSION, "--strict", "--values=" + values))
                .contains("0 chart(s) failed")
                .doesNotContain("[WARNING]", "[ERROR]");
    }

    @ParameterizedTest
    @MethodSource("io.berth.kubernetes.Chart#valueSets")
    void everyValueSetMakesManifests(Path values) {
        String manifests = Chart.template("--values=" + values);
        assertThat(manifests).contains("kind: CSIDriver", "kind: StorageClass", "kind: DaemonSet");
        assertThat(manifests.lines()).as("lines").noneMatch(line -> line.endsWith(" ") || line.contains("<no value>"));
    }

    @Test
    void nothingIsSwitchedOnByItself() {
        assertThat(Chart.template()).isBlank();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "local.enable=true",
                "nfs.allowedExports[0]=nfs.example.com:/teams",
                "local.inline.maxSize=big",
                "local.pools[0].name=Disk",
                "local.pools[0].path=srv",
                "nfs.pools[0].export=server",
                "nfs.driver=NFS",
                "local.storageClasses[0].volumeBindingMode=Late",
                "local.pools[0].path=/srv/",
                "local.storageClasses[0].parameters.uid=1000640000",
                "hostpath.allowedHostPaths[0]=/",
                "metrics.port=0",
                "metrics.address=somewhere",
                "log.level=loud"
            })
    void aWrongValueIsRefused(String value) {
        assertThat(Chart.complaint(Chart.VERSION, "--set=" + value)).contains(value.substring(0, value.indexOf('.')));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    nfs.enabled=true,hostpath.controller.hostNetwork=true         | set one to false
                    hostpath.allowedHostPaths[0]=/srv/shared                      | it is the path of pool shared
                    hostpath.allowedHostPaths={/srv/a,/srv/a}                     | /srv/a cannot be named
                    hostpath.pools[0].name=shared,hostpath.pools[0].path=/dev     | /dev cannot be a pool
                    hostpath.pools[1].name=shared,hostpath.pools[1].path=/srv/b   | two are named shared
                    hostpath.inline.maxSize=1Gi                                   | set hostpath.csiDriver.volumeLifecycleModes
                    networkPolicy.enabled=true,metrics.podMonitor.enabled=true    | name Prometheus' namespace
                    metrics.controllerPort=9810                                   | port 9810 is metrics.port already
                    """)
    void valuesThatDoNotGoTogetherAreRefused(String values, String complaint) {
        assertThat(Chart.complaint(
                        Chart.VERSION,
                        "--set=hostpath.enabled=true",
                        "--set=hostpath.pools[0].name=shared",
                        "--set=hostpath.pools[0].path=/srv/shared",
                        "--set=" + values))
                .contains(complaint);
    }

    @Test
    void inlineVolumesAreMadeInPoolsThatAreThere() {
        assertThat(Chart.complaint(
                        Chart.VERSION,
                        "--set=hostpath.enabled=true,hostpath.inline.pools={other}",
                        "--set=hostpath.csiDriver.volumeLifecycleModes={Persistent,Ephemeral}"))
                .contains("other is none of hostpath.pools");
    }

    @Test
    void attributesClassesNeedAKubernetesThatHasThem() {
        assertThat(Chart.complaint("--kube-version=1.33.0", Chart.values("all")))
                .contains("needs Kubernetes 1.34");
    }

    /** Its snapshotters see only what is marked for their node, which nobody does with groups. */
    @Test
    void poolsOfNodesHaveNoSnapshotsOfGroups() {
        assertThat(Chart.template("--set=local.enabled=true,snapshots.enabled=true,snapshots.groups=true"))
                .contains("kind: VolumeSnapshotClass", "--feature-gates=CSIVolumeGroupSnapshot=false")
                .doesNotContain("groupsnapshot.storage.k8s.io");
    }

    /** Where SELinux enforces, no other container could call the socket that a privileged one has made. */
    @Test
    void everyContainerIsPrivilegedOrOfTheTypeThatMayCallThose() {
        List<String> contexts = Pattern.compile("(?m)^( +)securityContext:\\n((\\1 .*\\n)+)")
                .matcher(Chart.template(Chart.values("sidecars")))
                .results()
                .map(result -> result.group(2))
                .toList();
        assertThat(contexts)
                .anyMatch(context -> context.contains("privileged: true"))
                .anyMatch(context -> context.contains("type: spc_t"))
                .allMatch(context -> context.contains("privileged: true") != context.contains("type: spc_t"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"nfs", "hostpath", "local"})
    void theManifestsAreThoseOfTheChart(String kind) {
        Command.Result made = Command.run(
                Duration.ofMinutes(1),
                Map.of("HELM", Binaries.program("helm")),
                List.of(Chart.DEPLOY.resolve("manifests/make").toString(), folder.toString()));
        assertThat(made.code()).as("%s", made).isZero();
        assertThat(Chart.DEPLOY.resolve("manifests/" + kind + ".yaml"))
                .as("deploy/manifests/make brings it up to date")
                .hasSameTextualContentAs(folder.resolve(kind + ".yaml"));
    }

    @Test
    void theDashboardIsJson() throws IOException {
        JsonNode dashboard = new JsonMapper()
                .readTree(Chart.FOLDER.resolve("files/dashboard.json").toFile());
        assertThat(dashboard.at("/panels"))
                .isNotEmpty()
                .allSatisfy(panel -> assertThat(panel.at("/title").asText()).isNotEmpty());
    }

    @ParameterizedTest
    @ValueSource(strings = {"alerts.yaml", "dashboard.json"})
    void whatIsWatchedIsThere(String file) throws IOException {
        String reference = Files.readString(Chart.DEPLOY.resolveSibling("docs/reference.md"));
        List<String> metrics = Pattern.compile("berth_[a-z_]+")
                .matcher(Files.readString(Chart.FOLDER.resolve("files").resolve(file)))
                .results()
                .map(match -> match.group().replaceFirst("_(bucket|sum|count)$", ""))
                .distinct()
                .toList();
        assertThat(metrics)
                .hasSizeGreaterThan(5)
                .allSatisfy(metric -> assertThat(reference).contains("| `" + metric + "` |"));
    }
}

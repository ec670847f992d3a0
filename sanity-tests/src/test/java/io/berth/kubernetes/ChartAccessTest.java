package io.berth.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.berth.sanity.Command;
import io.berth.sanity.Driver;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the chart lets others do: the program, pods, nodes and whoever is in the network. */
@Tag("kubernetes")
@Timeout(120)
class ChartAccessTest {
    private static final String LOCAL = "--set=local.enabled=true";
    private static final String INLINE = "--set=local.csiDriver.volumeLifecycleModes={Persistent,Ephemeral}";

    /** The program finds everything that is wrong with its arguments: here nothing but what the test has added. */
    @ParameterizedTest
    @MethodSource("io.berth.kubernetes.Chart#valueSets")
    void theProgramTakesTheArgumentsOfEveryContainer(Path values) {
        List<JsonNode> containers = Chart.containers("--values=" + values);
        assertThat(containers).isNotEmpty().allSatisfy(container -> {
            List<String> command = new ArrayList<>(
                    List.of(Driver.DISTRIBUTION.resolve("bin/berth").toString()));
            Chart.texts(container.get("args"))
                    .forEach(argument -> command.add(argument.replace("$(NODE_NAME)", "node1")));
            command.add("--stop-timeout=never");
            Command.Result result = Command.run(command.toArray(String[]::new));
            assertThat(result.err())
                    .as("%s", command)
                    .hasLineCount(1)
                    .startsWith("berth: --stop-timeout ")
                    .contains("never");
            assertThat(result.code()).isEqualTo(2);
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"nfs", "hostpath", "local", "moving"})
    void podsHaveNoInlineVolumesUnlessTheyAreSwitchedOn(String set) {
        assertThat(Chart.objectsOf("CSIDriver", Chart.values(set))).isNotEmpty().allSatisfy(driver -> {
            assertThat(Chart.texts(driver.at("/spec/volumeLifecycleModes"))).containsExactly("Persistent");
            assertThat(driver.at("/metadata/labels").toString()).doesNotContain("ephemeral");
        });
        assertThat(Chart.template(Chart.values(set))).doesNotContain("inline");
    }

    /** OpenShift reads the label: it keeps namespaces of a stricter profile from inline volumes. */
    @ParameterizedTest
    @CsvSource({"local.inline.maxSize=1Gi, baseline", "local.inline.hostPaths={/var/log}, privileged"})
    void inlineVolumesHaveTheProfileOfWhatTheyShow(String inline, String profile) {
        assertThat(Chart.objectsOf("CSIDriver", LOCAL, INLINE, "--set=" + inline))
                .singleElement()
                .satisfies(driver -> assertThat(driver.path("metadata")
                                .path("labels")
                                .path("security.openshift.io/csi-ephemeral-volume-profile")
                                .asText())
                        .isEqualTo(profile));
    }

    /** What PersistentVolumes may name, which administrators make, pods may not. */
    @Test
    void inlineHostPathsAreAListOfTheirOwn() {
        assertThat(Chart.containers(
                        LOCAL, INLINE, "--set=local.allowedHostPaths={/srv/a},local.inline.hostPaths={/srv/b}"))
                .anySatisfy(container -> assertThat(Chart.texts(container.get("args")))
                        .contains("--allow-host-path=/srv/a", "--allow-inline-host-path=/srv/b")
                        .doesNotContain("--allow-host-path=/srv/b", "--allow-inline-host-path=/srv/a"));
    }

    @Test
    void imagesThatNoRegistryHasAreNeverPulled() {
        assertThat(Chart.containers(Chart.values("all")))
                .allMatch(
                        container -> container.path("imagePullPolicy").asText().equals("Never"));
        assertThat(Chart.containers(LOCAL, "--set=image.repository=images.example.com/berth"))
                .allMatch(
                        container -> container.path("imagePullPolicy").asText().equals("IfNotPresent"));
    }

    @Test
    void theNetworkOfANodeHasNoMetricsUnlessSomebodyReadsThem() {
        assertThat(Chart.containers(Chart.values("nfs"))).hasSize(2).allSatisfy(container -> {
            assertThat(Chart.texts(container.get("args")))
                    .anyMatch(argument -> argument.startsWith("--metrics-address=127.0.0.1:"));
            for (String probe : List.of("startupProbe", "livenessProbe", "readinessProbe")) {
                assertThat(container.path(probe).at("/httpGet/host").asText()).isEqualTo("127.0.0.1");
            }
        });
        assertThat(Chart.containers(Chart.values("nfs"), "--set=metrics.podMonitor.enabled=true"))
                .hasSize(2)
                .allSatisfy(container -> assertThat(container.toString())
                        .contains("--metrics-address=0.0.0.0:")
                        .doesNotContain("127.0.0.1"));
    }

    @Test
    void theNetworkPolicyLetsInWhoIsNamed() {
        assertThat(Chart.objectsOf("NetworkPolicy", LOCAL)).isEmpty();
        assertThat(Chart.objectsOf("NetworkPolicy", LOCAL, "--set=networkPolicy.enabled=true"))
                .singleElement()
                .satisfies(policy ->
                        assertThat(policy.at("/spec/ingress").isMissingNode()).isTrue());
        assertThat(Chart.objectsOf("NetworkPolicy", Chart.values("all")))
                .singleElement()
                .satisfies(policy -> {
                    assertThat(policy.at("/spec/ingress/0/from/0/namespaceSelector")
                                    .isObject())
                            .isTrue();
                    assertThat(policy.at("/spec/ingress/0/ports/0/port").asText())
                            .isEqualTo("metrics");
                });
    }

    /** All that RBAC lets the account of a node write, less events and what is in Berth's own namespace. */
    @Test
    void theTokenOfANodeWritesNothingThatNoPolicyLooksAt() {
        List<JsonNode> objects = Chart.objects(LOCAL, "--set=snapshots.enabled=true");
        List<String> guarded = objects.stream()
                .filter(object -> object.path("kind").asText().equals("ValidatingAdmissionPolicy"))
                .flatMap(policy -> policy.at("/spec/matchConstraints/resourceRules/0/resources")
                        .valueStream())
                .map(JsonNode::asText)
                .toList();
        List<String> written = objects.stream()
                .filter(object -> object.path("kind").asText().equals("ClusterRole")
                        && object.at("/metadata/name").asText().equals("berth-local-node"))
                .flatMap(role -> role.get("rules").valueStream())
                .filter(rule -> Chart.texts(rule.get("verbs")).stream()
                        .anyMatch(verb -> !List.of("get", "list", "watch").contains(verb)))
                .flatMap(rule -> Chart.texts(rule.get("resources")).stream())
                .filter(resource -> !resource.equals("events"))
                .toList();
        assertThat(written).contains("persistentvolumes").allMatch(guarded::contains);
    }

    @Test
    void thePoliciesBindTheAccountOfTheNodesAndCanBeSwitchedOff() {
        List<JsonNode> policies = Chart.objectsOf("ValidatingAdmissionPolicy", LOCAL);
        assertThat(policies)
                .hasSize(2)
                .allSatisfy(policy -> assertThat(
                                policy.at("/spec/matchConditions/0/expression").asText())
                        .isEqualTo(
                                "request.userInfo.username == 'system:serviceaccount:kube-system:berth-local-node'"));
        assertThat(Chart.objectsOf("ValidatingAdmissionPolicyBinding", LOCAL)).hasSize(2);
        assertThat(Chart.objectsOf("ValidatingAdmissionPolicy", LOCAL, "--set=local.tokenPolicy=false"))
                .isEmpty();
    }
}

package io.berth.nfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.mount.MountOption;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NfsOptionsTest {
    private static NfsOptions parse(String... options) {
        return NfsOptions.parse("mountOptions", Arrays.asList(options));
    }

    @Test
    void optionsAreThoseOfTheFileSystemAndThoseOfTheMount() {
        NfsOptions options = parse("nfsvers=4.1,hard", "noatime", "timeo=600,sec=krb5p,nosuid");
        assertThat(options.nfs()).isEqualTo(Map.of("vers", "4.1", "hard", "", "timeo", "600", "sec", "krb5p"));
        assertThat(options.mount()).containsExactlyInAnyOrder(MountOption.NOATIME, MountOption.NOSUID);
    }

    @Test
    void theSameOptionsAreEqualHoweverTheyAreWritten() {
        assertThat(parse("tcp,nfsvers=4.2", "soft")).isEqualTo(parse("soft,vers=4.2,proto=tcp"));
        assertThat(parse("soft,noatime,nfsvers=3")).hasToString("soft,vers=3,noatime");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "vers=3",
                "nfsvers=4.0",
                "nconnect=16",
                "xprtsec=mtls",
                "proto=tcp6",
                "rdma",
                "port=65535",
                "softerr",
                "nolock",
                "noac",
                "noresvport",
                "rsize=1048576",
                "lookupcache=pos",
                "retrans=2",
                "actimeo=0"
            })
    void whatTheGrammarKnowsIsAllowed(String option) {
        assertThat(parse(option).nfs()).hasSize(1);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    nfsver=4.2          | nearest is nfsvers
                    timeout=3           | nearest is timeo
                    addr=10.0.0.1       | not allowed
                    clientaddr=10.0.0.1 | not allowed
                    mountaddr=10.0.0.1  | not allowed
                    context=x           | not allowed
                    exec=1              | not allowed
                    bg                  | not allowed
                    vers=2              | the value must match
                    vers=4.3            | the value must match
                    nconnect=17         | the value must match
                    nconnect=0          | the value must match
                    port=65536          | the value must match
                    port=               | the value must match
                    sec=none            | the value must match
                    proto=udp           | the value must match
                    timeo=-1            | the value must match
                    hard=1              | takes no value
                    tcp=1               | not allowed
                    """)
    void anythingElseIsRefusedByName(String option, String why) {
        assertThatThrownBy(() -> parse(option))
                .hasMessageStartingWith("mountOptions \"" + option + "\"")
                .hasMessageContaining(why);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "rw,", "hard\n", "timeo=6\n00", "rw,exec=/bin/sh", "vers=4.2 ", "vers=4.2\0", "=", "=3"})
    void nothingSlipsThroughBetweenOptions(String option) {
        assertThatThrownBy(() -> parse(option)).isInstanceOf(io.berth.fault.Fault.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "hard,soft",
                "soft,softerr",
                "lock,nolock",
                "vers=3,nfsvers=4",
                "timeo=1,timeo=2",
                "tcp,proto=rdma",
                "ro,rw"
            })
    void contradictionsAreRefused(String options) {
        assertThatThrownBy(() -> parse(options)).hasMessageContaining("contradicts");
    }

    @Test
    void olderVersionsAreTriedUnlessOneIsAskedFor() {
        assertThat(NfsOptions.DEFAULT.versions()).containsExactly("4.2", "4.1", "4.0", "3");
        assertThat(parse("vers=4").versions()).containsExactly("4.2", "4.1", "4.0");
        assertThat(parse("vers=3").versions()).containsExactly("3");
    }

    @Test
    void theKernelIsToldTheAddressAndTheVersion() throws Exception {
        InetAddress address = InetAddress.getByName("10.0.0.5");
        assertThat(parse("nfsvers=4,hard,timeo=600,ro").forKernel("4.2", address))
                .isEqualTo(List.of("vers=4.2", "addr=10.0.0.5", "hard", "timeo=600"));
    }

    @Test
    void whatAVolumeSaysTakesThePlaceOfWhatItsPoolSays() {
        NfsOptions pool = parse("hard,timeo=600,nconnect=4,noatime");
        assertThat(parse("soft,timeo=70").over(pool).toString()).isEqualTo("nconnect=4,soft,timeo=70,noatime");
        assertThat(NfsOptions.DEFAULT.over(pool)).isEqualTo(pool);
        assertThat(parse("noatime").isUsual()).isTrue();
    }
}

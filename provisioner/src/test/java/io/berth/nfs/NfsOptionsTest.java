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

    /** What is in classes of csi-driver-nfs and of nfs-subdir-external-provisioner, and what is left of it for the kernel. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '\'', textBlock = """
                    ''                            | ''
                    rw,                           | rw
                    defaults                      | ''
                    _netdev                       | ''
                    nofail                        | ''
                    auto                          | ''
                    noauto                        | ''
                    user                          | ''
                    nouser                        | ''
                    bg                            | ''
                    fg                            | ''
                    retry=0                       | ''
                    intr                          | ''
                    nointr                        | ''
                    x-systemd.automount           | ''
                    x-systemd.mount-timeout=30    | ''
                    comment=of the team           | ''
                    minorversion=1                | vers=4.1
                    nfsvers=4,minorversion=1      | vers=4.1
                    vers=4.1,minorversion=1       | vers=4.1
                    v3                            | vers=3
                    v4.1                          | vers=4.1
                    tcp                           | proto=tcp
                    hard,intr,timeo=600,retrans=2 | hard,retrans=2,timeo=600
                    soft                          | soft
                    nolock                        | nolock
                    noresvport                    | noresvport
                    rsize=1048576,wsize=1048576   | rsize=1048576,wsize=1048576
                    actimeo=1                     | actimeo=1
                    lookupcache=none              | lookupcache=none
                    sec=krb5p                     | sec=krb5p
                    nconnect=8                    | nconnect=8
                    noatime,nodiratime            | noatime,nodiratime
                    sync                          | sync
                    async                         | async
                    cto                           | cto
                    nocto                         | nocto
                    acl                           | acl
                    noacl                         | noacl
                    rdirplus                      | rdirplus
                    nordirplus                    | nordirplus
                    fsc                           | fsc
                    local_lock=none               | local_lock=none
                    nosharecache                  | nosharecache
                    sharecache                    | sharecache
                    mountproto=tcp                | mountproto=tcp
                    mountvers=3                   | mountvers=3
                    mountport=20048               | mountport=20048
                    max_connect=4                 | max_connect=4
                    namlen=255                    | namlen=255
                    clientaddr=10.0.0.7           | clientaddr=10.0.0.7
                    context=system_u:object_r:container_file_t:s0             | context=system_u:object_r:container_file_t:s0
                    context="system_u:object_r:container_file_t:s0:c1,c2",ro | context="system_u:object_r:container_file_t:s0:c1,c2",ro
                    """)
    void optionsThatMountTakesAreTaken(String given, String kept) {
        NfsOptions options = parse(given);
        assertThat(options).hasToString(kept);
        assertThat(parse(options.toString())).isEqualTo(options);
    }

    @Test
    void aLabelOfSelinuxIsToldOnlyToAKernelThatHasIt() throws Exception {
        String told = String.join(
                " ", parse("context=\"a:b:c:s0:c1,c2\"").forKernel("4.2", InetAddress.getLoopbackAddress()));
        assertThat(told.contains("context=a:b:c:s0:c1,c2")).isEqualTo(io.berth.linux.Linux.hasSelinux());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '\'', textBlock = """
                    nconnect=4             | ''                   | nconnect=4
                    nconnect=4             | nconnect=2           | nconnect=4
                    nconnect=4             | nconnect=4           | ''
                    nconnect=4             | nconnect=8,vers=4.1  | ''
                    ''                     | nconnect=8           | ''
                    nconnect=4,vers=4.1    | vers=4.2             | ''
                    nconnect=4,vers=4.1    | ''                   | nconnect=4
                    nconnect=4,vers=3      | vers=4               | ''
                    nconnect=4,port=2050   | ''                   | ''
                    nconnect=4,proto=tcp6  | ''                   | ''
                    noresvport             | ''                   | noresvport
                    noresvport             | noresvport           | ''
                    resvport               | noresvport           | resvport
                    resvport               | ''                   | ''
                    """)
    void whatTheFirstMountOfAServerDecidesIsLostBesideIt(String volume, String pool, String lost) {
        assertThat(parse(volume).lostBeside(parse(pool)).orElse("")).isEqualTo(lost);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    nfsver=4.2          | nearest is nfsvers
                    timeout=3           | nearest is timeo
                    addr=10.0.0.1       | not allowed
                    mountaddr=10.0.0.1  | not allowed
                    mounthost=other     | not allowed
                    source=other:/      | not allowed
                    exec=1              | not allowed
                    discard             | not allowed; allowed are
                    X-mount.subdir=a    | not allowed
                    udp                 | not allowed
                    softreval           | not allowed
                    clientaddr=nas      | the value must match
                    minorversion=3      | the value must match
                    context=a b         | the value must match
                    retry=x             | not allowed
                    local_lock=some     | the value must match
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
            strings = {
                "hard\n",
                "timeo=6\n00",
                "rw,exec=/bin/sh",
                "vers=4.2 ",
                "vers=4.2\0",
                "=",
                "=3",
                "context=\"a,addr=10.0.0.1",
                "context=\"a\",addr=10.0.0.1",
                "x-a\naddr=10.0.0.1",
                "addr=\"10.0.0.1\""
            })
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
                "vers=3,minorversion=1",
                "vers=4.2,minorversion=1",
                "sync,async",
                "fsc=a,nofsc",
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

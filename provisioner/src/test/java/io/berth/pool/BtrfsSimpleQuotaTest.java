package io.berth.pool;

import static io.berth.TestFileSystem.run;

import io.berth.TestFileSystem;

/** Where btrfs charges each extent to the subvolume that made it, which it does since Linux 6.7. */
class BtrfsSimpleQuotaTest extends BtrfsLimitTest {
    private static final String ENABLE = """
            open(my $root, '<', $ARGV[0]) or die $!;
            my $control = pack('QQ', 4, 0); # BTRFS_QUOTA_CTL_ENABLE_SIMPLE_QUOTA
            ioctl($root, 0xc0109428, $control) or die "BTRFS_IOC_QUOTA_CTL: $!";
            """;

    @Override
    TestFileSystem makeFileSystem() {
        TestFileSystem made = TestFileSystem.mount("btrfs", 1024 * MIB);
        run("perl", "-e", ENABLE, made.root().toString());
        return made;
    }

    @Override
    long charged(long shared) {
        return 0;
    }
}

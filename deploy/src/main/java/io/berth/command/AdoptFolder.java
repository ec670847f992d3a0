package io.berth.command;

import io.berth.pool.Pools;
import io.berth.service.LostRecords;
import io.berth.service.Volumes;
import io.berth.volume.ByteSize;
import io.berth.volume.Volume;
import java.io.PrintWriter;
import java.time.Clock;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes a volume again of a folder whose record was lost. */
@Command(
        name = "adopt",
        header = "Make a volume again of a folder in a pool's root whose record was lost.",
        description = {
            "",
            "For folders that are named as a volume, such as fast.pvc-1, and hold its files. Nothing in the folder is changed,"
                    + " and its data is kept when the volume is deleted. Parameters, limit and snapshots are not brought back."
        },
        footer = {"", "Example: berth volumes adopt --size 10Gi fast.pvc-1"})
final class AdoptFolder extends OnPools {
    @Option(
            names = "--size",
            paramLabel = "SIZE",
            defaultValue = "1",
            description = "The size it is to have by its record, such as the PersistentVolume's capacity.")
    private String size = "";

    @Parameters(paramLabel = "VOLUME", description = "Its id, which is the folder's name.")
    private String id = "";

    private final PrintWriter out;

    AdoptFolder(Map<String, String> environment, PrintWriter out) {
        super(environment);
        this.out = out;
    }

    @Override
    int run(Pools pools) {
        Volumes volumes = new Volumes(pools, Clock.systemUTC());
        Volume volume = new LostRecords(pools, volumes).adopt(id, ByteSize.parse("--size", size));
        out.println("adopted " + volume.id() + " at " + volumes.location(volume));
        return ExitCode.OK;
    }
}

package io.berth.command;

import io.berth.fault.Fault;
import io.berth.pool.Pools;
import io.berth.service.Volumes;
import io.berth.volume.ByteSize;
import io.berth.volume.CapacityRange;
import io.berth.volume.Volume;
import java.io.PrintWriter;
import java.time.Clock;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Makes a volume larger. */
@Command(
        name = "expand",
        header = "Make a volume larger, in use or not. One that is that large stays as it is.",
        description = "Who uses it on this machine has the room at once. On another machine an image grows when it is"
                + " mounted there next, unless a kubelet is told by its claim.",
        footer = {"", "Example: berth volumes expand fast.pvc-1 20Gi"})
final class ExpandVolume extends OnPools {
    @Parameters(index = "0", paramLabel = "VOLUME", description = "Its id.")
    private String id = "";

    @Parameters(index = "1", paramLabel = "SIZE", description = "What it is to have in all, such as 20Gi.")
    private String size = "";

    private final PrintWriter out;

    ExpandVolume(Map<String, String> environment, PrintWriter out) {
        super(environment);
        this.out = out;
    }

    @Override
    int run(Pools pools) {
        Volumes volumes = new Volumes(pools, Clock.systemUTC());
        long bytes = ByteSize.parse("SIZE", size);
        long present = volumes.get(id).capacityBytes();
        if (bytes < present) {
            throw Fault.invalid(
                    "SIZE", size, "volume " + id + " has " + ByteSize.format(present) + ", and volumes never shrink");
        }
        Volume volume = volumes.expand(id, CapacityRange.atLeast(bytes));
        volumes.grow(volume);
        out.println(volume.id() + " has " + ByteSize.format(volume.capacityBytes()));
        return ExitCode.OK;
    }
}

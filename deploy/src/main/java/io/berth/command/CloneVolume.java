package io.berth.command;

import io.berth.pool.Pools;
import io.berth.service.Volumes;
import io.berth.volume.Source;
import io.berth.volume.Volume;
import java.io.PrintWriter;
import java.time.Clock;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Makes a volume of another. */
@Command(
        name = "clone",
        header = "Make a volume that begins as a copy of another, in use or not.",
        description = {"", "Says once a second how far it is. Ended by a signal, it undoes what it made."},
        footer = {"", "Example: berth volumes clone fast.pvc-1 pvc-1-copy --size 20Gi"})
final class CloneVolume extends OnPools {
    @Mixin
    private final CopyOptions options = new CopyOptions();

    @Parameters(index = "0", paramLabel = "VOLUME", description = "The id of the volume to copy.")
    private String id = "";

    @Parameters(
            index = "1",
            paramLabel = "NAME",
            description = "The new volume's id is this after the pool's name and a dot.")
    private String name = "";

    private final PrintWriter out;
    private final PrintWriter err;

    CloneVolume(Map<String, String> environment, PrintWriter out, PrintWriter err) {
        super(environment);
        this.out = out;
        this.err = err;
    }

    @Override
    int run(Pools pools) {
        Volumes volumes = new Volumes(pools, Clock.systemUTC());
        Volume source = volumes.get(id);
        try (ShownCopies shown = new ShownCopies(pools.copies(), err)) {
            Volume made = volumes.create(
                    options.wanted(name, new Source.OfVolume(source.id()), source.format(), source.capacityBytes()),
                    ShownCopies.PATIENCE);
            out.println("cloned " + source.id() + " as " + made.id() + " at " + volumes.location(made));
        }
        return ExitCode.OK;
    }
}

package io.berth.command;

import io.berth.fault.Fault;
import io.berth.service.Volumes;
import io.berth.volume.ByteSize;
import io.berth.volume.CapacityRange;
import io.berth.volume.Format;
import io.berth.volume.Source;
import io.berth.volume.VolumeParameters;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Option;

/** What a volume is to be like that begins as a copy. */
final class CopyOptions {
    @Option(
            names = "--size",
            paramLabel = "SIZE",
            defaultValue = "",
            description = "Its size, such as 2Gi; never less than its source's, which is the default.")
    private String size = "";

    @Option(
            names = "--parameter",
            paramLabel = "KEY=VALUE",
            description = "A parameter, as of a StorageClass, such as onDelete=retain. May be given many times.")
    private Map<String, String> parameters = new LinkedHashMap<>();

    /**
     * The volume that is asked for, of a source that has this format and capacity.
     *
     * @throws Fault INVALID_ARGUMENT naming the option that is wrong
     */
    Volumes.Wanted wanted(String name, Source source, Format format, long capacityBytes) {
        return new Volumes.Wanted(
                name,
                size.isEmpty() ? CapacityRange.ANY : CapacityRange.atLeast(sizeFrom(source, capacityBytes)),
                VolumeParameters.parse(parameters),
                false,
                format instanceof Format.Image image && image.fileSystem().isEmpty(),
                Optional.empty(),
                Optional.of(source));
    }

    private long sizeFrom(Source source, long capacityBytes) {
        long bytes = ByteSize.parse("--size", size);
        if (bytes < capacityBytes) {
            throw Fault.invalid(
                    "--size",
                    size,
                    source + " has " + ByteSize.format(capacityBytes) + ", and a copy is as large or larger");
        }
        return bytes;
    }
}

package io.berth.command;

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

    /** The volume that is asked for, of a source that has this format. */
    Volumes.Wanted wanted(String name, Source source, Format format) {
        return new Volumes.Wanted(
                name,
                size.isEmpty() ? CapacityRange.ANY : CapacityRange.atLeast(ByteSize.parse("--size", size)),
                VolumeParameters.parse(parameters),
                false,
                format instanceof Format.Image image && image.fileSystem().isEmpty(),
                Optional.empty(),
                Optional.of(source));
    }
}

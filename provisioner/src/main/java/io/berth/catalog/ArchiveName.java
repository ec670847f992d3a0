package io.berth.catalog;

import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumePath;
import java.nio.charset.StandardCharsets;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The name of a deleted volume whose data was kept: {@code <id>@<created>}. The time of creation tells apart the volumes
 * that had one id in turn, so no archive collides with an earlier one, and a repeated delete finds the same name.
 */
public record ArchiveName(VolumeId id, String created) {
    /** How the name of an archived folder begins. */
    public static final String PATH_PREFIX = "archived-";

    /** Of a folder whose name fits into that of its archive, in bytes. */
    private static final int LONGEST = 200;

    private static final DateTimeFormatter STAMP = DateTimeFormatter.ofPattern(
                    "yyyyMMdd'T'HHmmss.SSSSSSSSS'Z'", Locale.ROOT)
            .withZone(ZoneOffset.UTC);
    private static final Pattern GRAMMAR = Pattern.compile("[0-9]{8}T[0-9]{6}\\.[0-9]{9}Z");

    /** The name under which a volume is archived. */
    public static ArchiveName of(Volume volume) {
        return new ArchiveName(volume.id(), STAMP.format(volume.created()));
    }

    /** The name in the text, or empty when it is none. */
    public static Optional<ArchiveName> parse(String text) {
        int at = text.indexOf('@');
        return at < 0 || !GRAMMAR.matcher(text.substring(at + 1)).matches()
                ? Optional.empty()
                : VolumeId.parse(text.substring(0, at)).map(id -> new ArchiveName(id, text.substring(at + 1)));
    }

    /**
     * Where {@code onDelete: archive} puts the data: in the root, as {@code archived-<its folder>-<created>}; the id stands
     * for a folder whose name is too long for that.
     */
    public static VolumePath pathOf(Volume volume) {
        String created = STAMP.format(volume.created());
        String own = volume.path().name();
        String name = own.getBytes(StandardCharsets.UTF_8).length <= LONGEST
                ? own
                : volume.id().toString();
        return new VolumePath(List.of(PATH_PREFIX + name + "-" + created));
    }

    @Override
    public String toString() {
        return id + "@" + created;
    }
}

package io.berth.format;

import io.berth.linux.Directory;
import io.berth.volume.Volume;
import java.util.Optional;

/**
 * What is copied.
 *
 * @param directory of the volume or snapshot
 * @param volume the volume, which may be in use meanwhile; empty for a snapshot, which is not
 */
public record DataSource(Directory directory, Optional<Volume> volume) {}

package io.berth.volume;

import java.time.Instant;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A volume, as its record says.
 *
 * @param requestedName the name it was asked for by; differs from the id's where that is a hash
 * @param path where its data lies in the pool
 * @param capacityBytes what was promised; 0: no size was asked for
 * @param adopted its folder was there before it, so Berth never deletes it
 * @param ephemeral made for one pod by a publish call, gone with its unpublish
 * @param source what it began as a copy of; empty: it began empty
 * @param parameters the strings it was asked for with; never a secret
 * @param attachments the nodes that have it, where the driver keeps track of them
 */
public record Volume(
        VolumeId id,
        String requestedName,
        VolumePath path,
        Format format,
        long capacityBytes,
        Instant created,
        OnDelete onDelete,
        Ownership ownership,
        boolean adopted,
        boolean ephemeral,
        Optional<Source> source,
        Map<String, String> parameters,
        SortedMap<NodeId, Attachment> attachments) {
    public Volume {
        parameters = Map.copyOf(parameters);
        attachments = Collections.unmodifiableSortedMap(new TreeMap<>(attachments));
    }

    /** A volume that no node has. */
    public Volume(
            VolumeId id,
            String requestedName,
            VolumePath path,
            Format format,
            long capacityBytes,
            Instant created,
            OnDelete onDelete,
            Ownership ownership,
            boolean adopted,
            boolean ephemeral,
            Optional<Source> source,
            Map<String, String> parameters) {
        this(
                id,
                requestedName,
                path,
                format,
                capacityBytes,
                created,
                onDelete,
                ownership,
                adopted,
                ephemeral,
                source,
                parameters,
                Collections.emptySortedMap());
    }

    public Volume withCapacity(long bytes) {
        return copy(format, bytes, onDelete, ownership, attachments);
    }

    /**
     * This volume as it is after a change.
     *
     * @throws io.berth.fault.Fault INVALID_ARGUMENT when it cannot change in this way
     */
    public Volume with(VolumeChange change) {
        change.requireFor(this);
        return copy(
                change.inodes().map(this::formatWith).orElse(format),
                capacityBytes,
                change.onDelete().orElse(onDelete),
                new Ownership(
                        change.uid().orElse(ownership.uid()),
                        change.gid().orElse(ownership.gid()),
                        change.mode().orElse(ownership.mode())),
                attachments);
    }

    private Format formatWith(long inodes) {
        return switch (format) {
            case Format.Directory directory -> new Format.Directory(directory.limit(), OptionalLong.of(inodes));
            case Format.Image image -> image;
        };
    }

    /** This volume when a node has it. */
    public Volume attachedTo(NodeId node, Attachment how) {
        SortedMap<NodeId, Attachment> more = new TreeMap<>(attachments);
        more.put(node, how);
        return copy(format, capacityBytes, onDelete, ownership, more);
    }

    /** This volume when a node has it no more. */
    public Volume detachedFrom(NodeId node) {
        SortedMap<NodeId, Attachment> fewer = new TreeMap<>(attachments);
        fewer.remove(node);
        return copy(format, capacityBytes, onDelete, ownership, fewer);
    }

    /** A node whose way of having the volume forbids that another has it in this way. */
    public Optional<NodeId> nodeThatForbids(Attachment how) {
        return attachments.entrySet().stream()
                .filter(there -> !there.getValue().allows(how))
                .map(Map.Entry::getKey)
                .findFirst();
    }

    private Volume copy(
            Format format,
            long capacityBytes,
            OnDelete onDelete,
            Ownership ownership,
            SortedMap<NodeId, Attachment> attachments) {
        return new Volume(
                id,
                requestedName,
                path,
                format,
                capacityBytes,
                created,
                onDelete,
                ownership,
                adopted,
                ephemeral,
                source,
                parameters,
                attachments);
    }
}

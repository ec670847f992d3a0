package io.berth.pool;

import io.berth.catalog.Catalog;
import io.berth.fault.Fault;
import io.berth.linux.Directory;
import io.berth.linux.Listing;
import io.berth.volume.Attachment;
import io.berth.volume.NodeId;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The nodes that use a pool, and which volumes they have. A node is a folder, {@code .berth/nodes/NODE}, made when the
 * driver first runs there; in it is an empty file for each volume the node has or may have. Which it has is what the
 * volumes' records say: the files are there to count without reading every record, so one is made before the record
 * says it, and removed after the record says it no more. Thread-safe; callers hold the volume's lock.
 */
public final class Nodes implements AutoCloseable {
    private final Directory folder;
    private final Catalog catalog;
    private final VolumeLocks locks;

    Nodes(Directory records, Catalog catalog, VolumeLocks locks) {
        if (records.mkdir("nodes", 0700)) {
            records.fsync();
        }
        this.folder = records.openDirectory("nodes").orElseThrow();
        this.catalog = catalog;
        this.locks = locks;
    }

    /** Makes a node known; does nothing when it is. */
    void register(NodeId node) {
        if (folder.mkdir(node.text(), 0700)) {
            folder.fsync();
        }
    }

    /** Whether the driver ever ran on this node, with this pool. */
    public boolean knows(NodeId node) {
        return folder.status(node.text()).isPresent();
    }

    /**
     * Counts a volume among those of a node.
     *
     * @throws Fault NOT_FOUND when the node is unknown
     */
    public void reserve(NodeId node, VolumeId volume) {
        try (Directory volumes = folder.openDirectory(node.text())
                .orElseThrow(() -> new Fault(Fault.Kind.NOT_FOUND, "there is no node " + node))) {
            volumes.create(volume.toString(), new byte[0], 0600);
            volumes.fsync(); // also when an earlier call made it: that may have failed here
        }
    }

    /** Counts a volume no more that the node does not have; does nothing when it is not counted. */
    public void release(NodeId node, VolumeId volume) {
        folder.openDirectory(node.text()).ifPresent(volumes -> {
            try (volumes) {
                volumes.unlink(volume.toString());
            }
        });
    }

    /** Drops what a crash left of reservations: volumes that are counted as a node's and that its records do not give it. */
    void recover() {
        folder.fsync();
        List<NodeId> nodes = new ArrayList<>();
        folder.forEachEntry(entry -> NodeId.parse(entry.name()).ifPresent(nodes::add));
        nodes.forEach(node -> volumes(node).forEach(id -> releaseIfStale(node, id)));
    }

    /** Counts a volume no more that its record does not give to the node, unless somebody works on it. */
    public void releaseIfStale(NodeId node, VolumeId id) {
        locks.tryLock(id).ifPresent(lock -> {
            try (lock) {
                if (catalog.find(id)
                        .filter(volume -> volume.attachments().containsKey(node))
                        .isEmpty()) {
                    release(node, id);
                }
            } catch (Fault damaged) {
                if (damaged.kind() != Fault.Kind.CORRUPT) {
                    throw damaged;
                } // the node may have it, so it counts
            }
        });
    }

    /** Writes that a node has a volume, which was reserved for it. */
    public void attach(Volume volume, NodeId node, Attachment how) {
        catalog.replace(volume.attachedTo(node, how));
    }

    /** Writes that a node has a volume no more. */
    public Volume detach(Volume volume, NodeId node) {
        Volume detached = volume.detachedFrom(node);
        catalog.replace(detached);
        release(node, volume.id());
        return detached;
    }

    /** Every node that is known. */
    List<NodeId> all() {
        List<NodeId> nodes = new ArrayList<>();
        folder.forEachEntry(entry -> NodeId.parse(entry.name()).ifPresent(nodes::add));
        return nodes;
    }

    /** The volumes that are counted as a node's; none when the node is unknown. */
    public List<VolumeId> volumes(NodeId node) {
        List<VolumeId> ids = new ArrayList<>();
        folder.openDirectory(node.text()).ifPresent(volumes -> {
            try (volumes) {
                OptionalLong next = OptionalLong.of(0);
                while (next.isPresent()) {
                    Listing page = volumes.list(next.getAsLong(), 1000);
                    page.entries().stream()
                            .map(entry -> VolumeId.parse(entry.name()))
                            .flatMap(Optional::stream)
                            .forEach(ids::add);
                    next = page.next();
                }
            }
        });
        return ids;
    }

    @Override
    public void close() {
        folder.close();
    }
}

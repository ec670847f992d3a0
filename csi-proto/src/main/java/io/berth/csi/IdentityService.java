package io.berth.csi;

import com.google.protobuf.BoolValue;
import io.berth.csi.v1.GetPluginCapabilitiesRequest;
import io.berth.csi.v1.GetPluginCapabilitiesResponse;
import io.berth.csi.v1.GetPluginInfoRequest;
import io.berth.csi.v1.GetPluginInfoResponse;
import io.berth.csi.v1.IdentityGrpc;
import io.berth.csi.v1.PluginCapability;
import io.berth.csi.v1.ProbeRequest;
import io.berth.csi.v1.ProbeResponse;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.function.BooleanSupplier;

/** CSI's Identity service. */
public final class IdentityService extends IdentityGrpc.IdentityImplBase {
    private final DriverName name;
    private final String version;
    private final List<PluginCapability> capabilities;
    private final BooleanSupplier ready;

    /**
     * The identity of a driver.
     *
     * @param ready false while it starts; throws a {@link io.berth.fault.Fault} FAILED_PRECONDITION when it cannot work
     */
    public IdentityService(
            DriverName name, String version, List<PluginCapability> capabilities, BooleanSupplier ready) {
        this.name = name;
        this.version = version;
        this.capabilities = List.copyOf(capabilities);
        this.ready = ready;
    }

    @Override
    public void getPluginInfo(GetPluginInfoRequest request, StreamObserver<GetPluginInfoResponse> observer) {
        Replies.reply(
                observer,
                GetPluginInfoResponse.newBuilder()
                        .setName(name.text())
                        .setVendorVersion(version)
                        .build());
    }

    @Override
    public void getPluginCapabilities(
            GetPluginCapabilitiesRequest request, StreamObserver<GetPluginCapabilitiesResponse> observer) {
        Replies.reply(
                observer,
                GetPluginCapabilitiesResponse.newBuilder()
                        .addAllCapabilities(capabilities)
                        .build());
    }

    @Override
    public void probe(ProbeRequest request, StreamObserver<ProbeResponse> observer) {
        Replies.reply(
                observer,
                ProbeResponse.newBuilder()
                        .setReady(BoolValue.of(ready.getAsBoolean()))
                        .build());
    }
}

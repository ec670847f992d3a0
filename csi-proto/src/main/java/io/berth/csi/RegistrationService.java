package io.berth.csi;

import io.berth.csi.registration.v1.InfoRequest;
import io.berth.csi.registration.v1.PluginInfo;
import io.berth.csi.registration.v1.RegistrationGrpc;
import io.berth.csi.registration.v1.RegistrationStatus;
import io.berth.csi.registration.v1.RegistrationStatusResponse;
import io.berth.fault.Fault;
import io.berth.socket.Endpoint;
import io.grpc.stub.StreamObserver;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the kubelet asks of a plugin that registers. */
final class RegistrationService extends RegistrationGrpc.RegistrationImplBase {
    private static final Logger LOG = LoggerFactory.getLogger(RegistrationService.class);

    /** The kubelet takes any 1.x; it knows no minor versions of CSI. */
    private static final String CSI_VERSION = "1.0.0";

    private static final int MAX_ERROR = 1000;

    private final PluginInfo info;
    private volatile boolean registered;

    RegistrationService(DriverName driver, Endpoint csiSocket) {
        info = PluginInfo.newBuilder()
                .setType("CSIPlugin")
                .setName(driver.text())
                .setEndpoint(csiSocket.socket().toString())
                .addSupportedVersions(CSI_VERSION)
                .build();
    }

    boolean isRegistered() {
        return registered;
    }

    @Override
    public void getInfo(InfoRequest request, StreamObserver<PluginInfo> observer) {
        Replies.reply(observer, info);
    }

    @Override
    public void notifyRegistrationStatus(
            RegistrationStatus status, StreamObserver<RegistrationStatusResponse> observer) {
        registered = status.getPluginRegistered();
        if (registered) {
            LOG.info("the kubelet has registered {}", info.getName());
        } else {
            String error = status.getError();
            LOG.warn(
                    "the kubelet could not register {} and will try again: {}",
                    info.getName(),
                    Fault.quote(error.substring(0, Math.min(error.length(), MAX_ERROR))));
        }
        Replies.reply(observer, RegistrationStatusResponse.getDefaultInstance());
    }
}

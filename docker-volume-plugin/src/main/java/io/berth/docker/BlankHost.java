package io.berth.docker;

import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.internal.HttpConnection;

/**
 * HTTP/1.1 that takes an empty Host header. A dockerd before 20.10.26, 23.0.7 or 24.0.5 sends one to its plugins
 * (moby issue 30827), and Jetty answers 400 to it whatever its compliance mode. Newer ones send the name that is put in.
 */
final class BlankHost extends HttpConnectionFactory {
    private static final HttpField HOST = new HttpField(HttpHeader.HOST, "plugin.moby.localhost");

    BlankHost(HttpConfiguration configuration) {
        super(configuration);
    }

    @Override
    public Connection newConnection(Connector connector, EndPoint endPoint) {
        return configure(new TolerantConnection(getHttpConfiguration(), connector, endPoint), connector, endPoint);
    }

    /** Jetty has no public place for this; the raw bytes test keeps it true. */
    private static final class TolerantConnection extends HttpConnection {
        TolerantConnection(HttpConfiguration configuration, Connector connector, EndPoint endPoint) {
            super(configuration, connector, endPoint);
        }

        @Override
        protected RequestHandler newRequestHandler() {
            return new RequestHandler() {
                @Override
                public void parsedHeader(HttpField field) {
                    super.parsedHeader(isBlankHost(field) ? HOST : field);
                }
            };
        }

        private static boolean isBlankHost(HttpField field) {
            return field.getHeader() == HttpHeader.HOST
                    && (field.getValue() == null || field.getValue().isBlank());
        }
    }
}

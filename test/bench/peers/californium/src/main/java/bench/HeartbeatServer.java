package bench;

import java.net.InetSocketAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.eclipse.californium.core.CoapResource;
import org.eclipse.californium.core.CoapServer;
import org.eclipse.californium.core.coap.CoAP.ResponseCode;
import org.eclipse.californium.core.config.CoapConfig;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.core.server.resources.CoapExchange;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.elements.config.UdpConfig;

/**
 * Californium answering the same heartbeat as the manager: the report is kept in a map by node, the answer is an empty 2.04.
 * The second argument is the name of its deduplicator; without it everything is as it comes.
 */
public final class HeartbeatServer {
  public static void main(String[] args) {
    CoapConfig.register();
    UdpConfig.register();
    Configuration configuration = Configuration.createStandardWithoutFile();
    if (args.length > 1) configuration.set(CoapConfig.DEDUPLICATOR, args[1]);
    // Block2 of a megabyte needs this, the rest stays at its default.
    configuration.set(CoapConfig.MAX_RESOURCE_BODY_SIZE, 2_000_000);
    LongAdder runs = new LongAdder();
    Map<String, byte[]> reports = new ConcurrentHashMap<>();
    byte[] big = new byte[1 << 20];
    for (int i = 0; i < big.length; i++) big[i] = (byte) "0123456789abcdef".charAt(i % 16);
    CoapServer server = new CoapServer(configuration);
    CoapEndpoint.Builder builder = new CoapEndpoint.Builder();
    builder.setConfiguration(configuration);
    builder.setInetSocketAddress(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])));
    server.addEndpoint(builder.build());
    server.add(
        new CoapResource("status") {
          @Override
          public void handlePOST(CoapExchange exchange) {
            runs.increment();
            String node = exchange.getQueryParameter("ep");
            reports.put(node == null ? "" : node, exchange.getRequestPayload());
            exchange.respond(ResponseCode.CHANGED);
          }
        });
    server.add(
        new CoapResource("count") {
          @Override
          public void handleGET(CoapExchange exchange) {
            exchange.respond(Long.toString(runs.sum()));
          }
        });
    server.add(
        new CoapResource("big") {
          @Override
          public void handleGET(CoapExchange exchange) {
            exchange.respond(ResponseCode.CONTENT, big);
          }
        });
    server.start();
    System.out.println("ready");
  }
}

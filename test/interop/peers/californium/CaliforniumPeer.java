import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.eclipse.californium.core.CoapClient;
import org.eclipse.californium.core.CoapHandler;
import org.eclipse.californium.core.CoapObserveRelation;
import org.eclipse.californium.core.CoapResource;
import org.eclipse.californium.core.CoapResponse;
import org.eclipse.californium.core.CoapServer;
import org.eclipse.californium.core.coap.CoAP.Code;
import org.eclipse.californium.core.coap.CoAP.ResponseCode;
import org.eclipse.californium.core.coap.CoAP.Type;
import org.eclipse.californium.core.coap.MediaTypeRegistry;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.config.CoapConfig;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.core.server.resources.CoapExchange;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.elements.config.UdpConfig;
import org.eclipse.californium.elements.util.StringUtil;

/**
 * Californium as a peer: its server with the resources that peer-suite.ts asks for, and its client, steered by lines. Prints `port N`
 * first. A line is `METHOD URI [name=value]...` and is answered by `CODE TYPE FORMAT HEX`, FORMAT `-` for none, or `error WHAT`. Names:
 * payload (hex), ct, accept, type=NON, observe=N (as many notifications, each a line, then cancelled).
 */
public class CaliforniumPeer {
  static byte[] stored;
  static int posts = 0;
  static int ticks = 0;

  public static void main(String[] words) throws Exception {
    CoapConfig.register();
    UdpConfig.register();
    Configuration config = Configuration.createStandardWithoutFile();
    config.set(CoapConfig.PREFERRED_BLOCK_SIZE, 64);
    config.set(CoapConfig.MAX_MESSAGE_SIZE, 64);
    config.set(CoapConfig.MAX_RESOURCE_BODY_SIZE, 100000);
    Configuration.setStandard(config);
    CoapServer server = new CoapServer(config);
    CoapEndpoint.Builder builder = new CoapEndpoint.Builder().setConfiguration(config);
    server.addEndpoint(builder.setInetSocketAddress(new InetSocketAddress("127.0.0.1", 0)).build());
    addResources(server);
    server.start();
    System.out.println("port " + server.getEndpoints().get(0).getAddress().getPort());
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) ask(line.split(" "));
    System.exit(0);
  }

  static void addResources(CoapServer server) {
    server.add(new CoapResource("hello") {
      @Override
      public void handleGET(CoapExchange exchange) {
        exchange.respond(ResponseCode.CONTENT, "hello " + exchange.getRequestOptions().getUriQueryString());
      }
    });
    server.add(new CoapResource("store") {
      @Override
      public void handleGET(CoapExchange exchange) {
        if (stored == null) exchange.respond(ResponseCode.NOT_FOUND);
        else exchange.respond(ResponseCode.CONTENT, stored, MediaTypeRegistry.APPLICATION_OCTET_STREAM);
      }

      @Override
      public void handlePUT(CoapExchange exchange) {
        boolean isNew = stored == null;
        stored = exchange.getRequestPayload();
        exchange.respond(isNew ? ResponseCode.CREATED : ResponseCode.CHANGED);
      }

      @Override
      public void handleDELETE(CoapExchange exchange) {
        stored = null;
        exchange.respond(ResponseCode.DELETED);
      }
    });
    server.add(new CoapResource("things") {
      @Override
      public void handlePOST(CoapExchange exchange) {
        exchange.setLocationPath("things/" + ++posts);
        exchange.respond(ResponseCode.CREATED, exchange.getRequestText().toUpperCase());
      }
    });
    server.add(new CoapResource("slow") {
      @Override
      public void handleGET(CoapExchange exchange) {
        exchange.accept();
        try {
          Thread.sleep(300);
        } catch (InterruptedException interrupted) {
          return;
        }
        exchange.respond("slow answer");
      }
    });
    server.add(new CoapResource("large") {
      @Override
      public void handleGET(CoapExchange exchange) {
        exchange.respond(ResponseCode.CONTENT, "0123456789abcdef".repeat(1250));
      }
    });
    server.add(new CoapResource("refused") {
      @Override
      public void handleGET(CoapExchange exchange) {
        exchange.respond(ResponseCode.FORBIDDEN, "not for you");
      }
    });
    CoapResource tick = new CoapResource("ticks") {
      @Override
      public void handleGET(CoapExchange exchange) {
        exchange.respond("tick " + ticks);
      }
    };
    tick.setObservable(true);
    tick.setObserveType(Type.CON);
    tick.getAttributes().setObservable();
    tick.getAttributes().addResourceType("ticks");
    server.add(tick);
    new Timer(true).schedule(new TimerTask() {
      @Override
      public void run() {
        ticks++;
        tick.changed();
      }
    }, 200, 200);
  }

  static void ask(String[] words) {
    try {
      Request request = new Request(Code.valueOf(words[0]));
      int notifications = 0;
      for (int i = 2; i < words.length; i++) {
        String[] pair = words[i].split("=", 2);
        switch (pair[0]) {
          case "payload": request.setPayload(StringUtil.hex2ByteArray(pair[1])); break;
          case "ct": request.getOptions().setContentFormat(Integer.parseInt(pair[1])); break;
          case "accept": request.getOptions().setAccept(Integer.parseInt(pair[1])); break;
          case "type": request.setType(Type.valueOf(pair[1])); break;
          case "observe": notifications = Integer.parseInt(pair[1]); break;
          default: throw new IllegalArgumentException(words[i]);
        }
      }
      CoapClient client = new CoapClient(words[1]).setTimeout(10000L);
      if (notifications > 0) {
        observe(client, request, notifications);
        return;
      }
      request.setURI(words[1]);
      say(client.advanced(request));
    } catch (Exception failure) {
      System.out.println("error " + failure);
    }
  }

  static void observe(CoapClient client, Request request, int notifications) throws Exception {
    BlockingQueue<CoapResponse> heard = new LinkedBlockingQueue<>();
    request.setURI(client.getURI());
    request.setObserve();
    CoapObserveRelation relation = client.observe(request, new CoapHandler() {
      @Override
      public void onLoad(CoapResponse response) {
        heard.add(response);
      }

      @Override
      public void onError() {}
    });
    for (int i = 0; i < notifications; i++) say(heard.poll(20, TimeUnit.SECONDS));
    relation.proactiveCancel();
  }

  static void say(CoapResponse response) {
    if (response == null) {
      System.out.println("error timeout");
      return;
    }
    int format = response.getOptions().getContentFormat();
    String hex = StringUtil.byteArray2Hex(response.getPayload());
    System.out.println(response.getCode() + " " + response.advanced().getType() + " " + (format < 0 ? "-" : format) + " " + hex);
  }
}

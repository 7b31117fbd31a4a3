import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.eclipse.californium.core.CoapClient;
import org.eclipse.californium.core.CoapResource;
import org.eclipse.californium.core.CoapResponse;
import org.eclipse.californium.core.CoapServer;
import org.eclipse.californium.core.coap.CoAP.Code;
import org.eclipse.californium.core.coap.CoAP.ResponseCode;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.config.CoapConfig;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.core.server.resources.CoapExchange;
import org.eclipse.californium.elements.config.CertificateAuthenticationMode;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.elements.config.UdpConfig;
import org.eclipse.californium.elements.util.SslContextUtil;
import org.eclipse.californium.elements.util.StringUtil;
import org.eclipse.californium.scandium.DTLSConnector;
import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.californium.scandium.config.DtlsConnectorConfig;
import org.eclipse.californium.scandium.dtls.CertificateType;
import org.eclipse.californium.scandium.dtls.cipher.CipherSuite;
import org.eclipse.californium.scandium.dtls.pskstore.AdvancedSinglePskStore;
import org.eclipse.californium.scandium.dtls.x509.SingleCertificateProvider;
import org.eclipse.californium.scandium.dtls.x509.StaticNewAdvancedCertificateVerifier;

/**
 * Scandium, the DTLS of Californium, as a peer on one socket: server with `/who`, and client. The words it is started with are `name=value`:
 * suite, id and key of a pre-shared key, or cert, privateKey and ca (files in PEM), cid (length of its own connection ID, none without). Prints
 * `port N` first. A line is `METHOD URI`, answered by `CODE TYPE FORMAT HEX`, or `resume`, after which the next request resumes its session.
 */
public class ScandiumPeer {
  public static void main(String[] words) throws Exception {
    Map<String, String> options = new HashMap<>();
    for (String word : words) options.put(word.substring(0, word.indexOf('=')), word.substring(word.indexOf('=') + 1));
    CoapConfig.register();
    UdpConfig.register();
    DtlsConfig.register();
    Configuration config = Configuration.createStandardWithoutFile();
    config.set(DtlsConfig.DTLS_USE_SERVER_NAME_INDICATION, false);
    config.set(DtlsConfig.DTLS_RETRANSMISSION_TIMEOUT, 1000, TimeUnit.MILLISECONDS);
    config.set(DtlsConfig.DTLS_RECEIVER_THREAD_COUNT, 1);
    config.set(DtlsConfig.DTLS_CONNECTOR_THREAD_COUNT, 1);
    config.set(DtlsConfig.DTLS_CLIENT_AUTHENTICATION_MODE, CertificateAuthenticationMode.NEEDED);
    config.setAsList(DtlsConfig.DTLS_CIPHER_SUITES, CipherSuite.getTypeByName(options.get("suite")));
    if (options.containsKey("cid")) config.set(DtlsConfig.DTLS_CONNECTION_ID_LENGTH, Integer.valueOf(options.get("cid")));
    Configuration.setStandard(config);

    DtlsConnectorConfig.Builder builder = DtlsConnectorConfig.builder(config);
    builder.setAddress(new InetSocketAddress("127.0.0.1", 0));
    if (options.containsKey("id")) {
      builder.setAdvancedPskStore(new AdvancedSinglePskStore(options.get("id"), options.get("key").getBytes(StandardCharsets.UTF_8)));
    } else {
      PrivateKey key = SslContextUtil.loadPrivateKey(options.get("privateKey"), null, null, null);
      X509Certificate[] chain = SslContextUtil.loadCertificateChain(options.get("cert"), null, null);
      builder.setCertificateIdentityProvider(new SingleCertificateProvider(key, chain, CertificateType.X_509));
      builder.setAdvancedCertificateVerifier(StaticNewAdvancedCertificateVerifier.builder()
          .setTrustedCertificates(SslContextUtil.loadTrustedCertificates(options.get("ca"), null, null)).build());
    }
    DTLSConnector connector = new DTLSConnector(builder.build());
    CoapEndpoint endpoint = new CoapEndpoint.Builder().setConfiguration(config).setConnector(connector).build();
    CoapServer server = new CoapServer(config);
    server.addEndpoint(endpoint);
    server.add(new CoapResource("who") {
      @Override
      public void handleGET(CoapExchange exchange) {
        exchange.respond(ResponseCode.CONTENT, exchange.advanced().getRequest().getSourceContext().getPeerIdentity().getName());
      }
    });
    server.start();
    System.out.println("port " + endpoint.getAddress().getPort());
    CoapClient client = new CoapClient().setTimeout(20000L).setEndpoint(endpoint);
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      if (line.startsWith("resume")) {
        connector.forceResumeAllSessions();
        System.out.println("2.04 - - ");
      } else {
        ask(client, line.split(" "));
      }
    }
    System.exit(0);
  }

  static void ask(CoapClient client, String[] words) {
    try {
      Request request = new Request(Code.valueOf(words[0]));
      request.setURI(words[1]);
      CoapResponse response = client.advanced(request);
      if (response == null) System.out.println("error timeout");
      else System.out.println(response.getCode() + " " + response.advanced().getType() + " - " + StringUtil.byteArray2Hex(response.getPayload()));
    } catch (Exception failure) {
      System.out.println("error " + failure);
    }
  }
}

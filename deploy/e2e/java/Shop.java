import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.logs.Severity;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Scope;
import io.opentelemetry.exporter.otlp.http.logs.OtlpHttpLogRecordExporter;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.logs.SdkLoggerProvider;
import io.opentelemetry.sdk.logs.export.BatchLogRecordProcessor;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import io.sentry.CheckIn;
import io.sentry.CheckInStatus;
import io.sentry.Sentry;
import io.sentry.TransactionContext;
import io.sentry.TransactionOptions;
import io.sentry.protocol.User;
import java.util.List;
import org.slf4j.LoggerFactory;

/** A shop that both SDKs of Java watch: SENTRY_DSN, or OTEL_EXPORTER_OTLP_ENDPOINT and its relatives, or both. */
public class Shop {
  static class Order {
    final String id;

    Order(String id) {
      this.id = id;
    }

    int total() {
      return Integer.parseInt(id);
    }
  }

  static int charge(String id) {
    try {
      return new Order(id).total();
    } catch (NumberFormatException e) {
      throw new IllegalStateException("cannot charge order " + id, e);
    }
  }

  static String env(String name) {
    return System.getenv(name);
  }

  public static void main(String[] args) throws Exception {
    OpenTelemetrySdk otel = openTelemetry();
    if (env("SENTRY_DSN") != null) {
      Sentry.init(
          o -> {
            o.setDsn(env("SENTRY_DSN"));
            o.setRelease("shop@7.1.0");
            o.setEnvironment("staging");
            o.setTracesSampleRate(1.0);
            o.getLogs().setEnabled(true);
          });
      User user = new User();
      user.setId("u-7");
      Sentry.setUser(user);
      Sentry.setTag("plan", "pro");
    }
    for (String id : List.of("x1", "x2")) {
      Span span = otel.getTracer("shop").spanBuilder("POST /charge").setSpanKind(SpanKind.SERVER).startSpan();
      try (Scope ignored = span.makeCurrent()) {
        SpanContext c = span.getSpanContext();
        TransactionContext context =
            env("OTEL_EXPORTER_OTLP_ENDPOINT") != null ? Sentry.continueTrace(c.getTraceId() + "-" + c.getSpanId() + "-1", null) : new TransactionContext("charge", "task");
        TransactionOptions options = new TransactionOptions();
        options.setBindToScope(true);
        var transaction = Sentry.startTransaction(context, options);
        try {
          charge(id);
        } catch (IllegalStateException e) {
          Sentry.captureException(e);
          span.recordException(e);
          span.setStatus(StatusCode.ERROR, e.getMessage());
        }
        transaction.finish();
      }
      span.end();
    }
    otel.getLogsBridge().get("shop").logRecordBuilder().setSeverity(Severity.INFO).setBody("shop closes").setAttribute(AttributeKey.longKey("orders"), 2L).emit();
    if (env("SENTRY_DSN") != null) {
      LoggerFactory.getLogger("shop.checkout").error("checkout broke for {}", 42, new UnsupportedOperationException("no such card"));
      Sentry.logger().info("shop closes");
      Sentry.captureCheckIn(new CheckIn("nightly", CheckInStatus.OK));
      Thread thread = new Thread(() -> charge(null), "till");
      thread.start();
      thread.join();
    }
    otel.close();
    Sentry.close();
  }

  static OpenTelemetrySdk openTelemetry() {
    String endpoint = env("OTEL_EXPORTER_OTLP_ENDPOINT");
    if (endpoint == null) {
      return OpenTelemetrySdk.builder().build();
    }
    String[] header = env("OTEL_EXPORTER_OTLP_HEADERS").split("=");
    boolean grpc = "grpc".equals(env("OTEL_EXPORTER_OTLP_PROTOCOL"));
    SpanExporter spans =
        grpc
            ? OtlpGrpcSpanExporter.builder().setEndpoint(endpoint).addHeader(header[0], header[1]).build()
            : OtlpHttpSpanExporter.builder().setEndpoint(endpoint + "/v1/traces").addHeader(header[0], header[1]).setCompression("gzip").build();
    Resource resource =
        Resource.getDefault()
            .merge(
                Resource.create(
                    Attributes.builder().put("service.name", "shop").put("service.version", "7.1.0").put("deployment.environment.name", "staging").build()));
    var builder = OpenTelemetrySdk.builder().setTracerProvider(SdkTracerProvider.builder().setResource(resource).addSpanProcessor(BatchSpanProcessor.builder(spans).build()).build());
    if (!grpc) {
      var logs = OtlpHttpLogRecordExporter.builder().setEndpoint(endpoint + "/v1/logs").addHeader(header[0], header[1]).build();
      builder.setLoggerProvider(SdkLoggerProvider.builder().setResource(resource).addLogRecordProcessor(BatchLogRecordProcessor.builder(logs).build()).build());
    }
    return builder.build();
  }
}

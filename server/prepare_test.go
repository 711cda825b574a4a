package server

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/freshetdb/freshet/server/config"
)

// TestWrongConfigurationOpensNothing: whatever is wrong is told in one line before a port is opened or a byte is written.
func TestWrongConfigurationOpensNothing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0") // what is asked for before this address has been tried
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	short := filepath.Join(t.TempDir(), "two lines")
	if err := os.WriteFile(short, []byte("a\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what   string
		change func(*config.Config)
		want   string
	}{
		{"an unknown config", func(c *config.Config) { c.BrokerConfigs = map[string]string{"num.partition": "1"} }, `--broker-config: there is no broker config "num.partition"`},
		{"two bad values", func(c *config.Config) {
			c.BrokerConfigs = map[string]string{"num.partitions": "0", "log.retention.ms": "x"}
		}, "; num.partitions is between"},
		{"a principal", func(c *config.Config) { c.BrokerConfigs = map[string]string{"super.users": "alice"} }, "TYPE:NAME"},
		{"a certificate", func(c *config.Config) { c.TLSCert, c.TLSKey = "missing.pem", "missing.key" }, "--tls-cert: stat missing.pem"},
		{"a password", func(c *config.Config) { c.KafkaAdmin = "admin:" + short }, `--kafka-admin: password of the user "admin": the file must hold one line`},
		{"the cluster's password", func(c *config.Config) {
			c.Bootstrap.Servers, c.Bootstrap.SASL = "127.0.0.1:1", "PLAIN:u:missing"
		}, "--bootstrap-sasl: open missing"},
		{"the cluster's authorities", func(c *config.Config) {
			c.Bootstrap.Servers, c.Bootstrap.TLS, c.Bootstrap.TLSCA = "127.0.0.1:1", true, short
		}, "holds no certificate"},
		{"an address", func(c *config.Config) { c.Postgres = "127.0.0.1" }, "--postgres"},
	} {
		cfg := config.Default()
		cfg.DataDir = filepath.Join(t.TempDir(), "data")
		cfg.Kafka, cfg.Postgres, cfg.HTTP = "127.0.0.1:0", "127.0.0.1:0", taken.Addr().String()
		test.change(&cfg)
		_, err := Start(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if _, wrong := errors.AsType[*ConfigError](err); !wrong || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", test.what, err, test.want)
		}
		if _, err := os.Stat(cfg.DataDir); err == nil {
			t.Errorf("%s: the data directory is there", test.what)
		}
	}
}

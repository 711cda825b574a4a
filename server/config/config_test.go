package config

import (
	"bytes"
	"flag"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write docs/reference/config.md anew")

func TestPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "freshet.toml")
	if err := os.WriteFile(file, []byte("kafka = 'localhost:1'\npostgres = 'localhost:2'\nhttp = 'localhost:3'\nmax_connections = 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file, []string{"FRESHET_POSTGRES=localhost:22", "FRESHET_HTTP=localhost:33", "PATH=/bin"}, map[string]string{"http": "localhost:333", "idle-session-timeout": "5m"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Kafka != "localhost:1" || c.Postgres != "localhost:22" || c.HTTP != "localhost:333" || c.MaxConnections != 7 || c.IdleSessionTimeout != 5*time.Minute {
		t.Fatalf("%+v", c)
	}
}

// TestBrokerConfigs: flags, environment and file add to each other, and win in this order.
func TestBrokerConfigs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "freshet.toml")
	if err := os.WriteFile(file, []byte("broker_config = ['a=1', 'b=1', 'c=x,y']\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file, []string{"FRESHET_BROKER_CONFIG=b=2; d = 2"}, map[string]string{"broker-config": "d=3\ne=k=v"})
	want := map[string]string{"a": "1", "b": "2", "c": "x,y", "d": "3", "e": "k=v"}
	if err != nil || !maps.Equal(c.BrokerConfigs, want) {
		t.Fatal(c.BrokerConfigs, err)
	}
	c, err = Load("", nil, map[string]string{"broker-config": "super.users=User:a;User:CN=b;a=1\nb=2"})
	if err != nil || !maps.Equal(c.BrokerConfigs, map[string]string{"super.users": "User:a;User:CN=b", "a": "1", "b": "2"}) {
		t.Fatal(c.BrokerConfigs, err)
	}
	if _, err := Load("", nil, map[string]string{"broker-config": "num.partitions"}); err == nil || !strings.Contains(err.Error(), "not NAME=VALUE") {
		t.Fatal(err)
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct{ env, want string }{
		{"FRESHET_KAFKA=0.0.0.0:9092", "--insecure"},
		{"FRESHET_KAFKA=:9092", "reachable from other machines"},
		{"FRESHET_KAFKA=localhost", "not HOST:PORT"},
		{"FRESHET_KAFKA=localhost:70000", "from 0 to 65535"},
		{"FRESHET_KAFKA=localhost:5454", "are both"},
		{"FRESHET_MAX_CONNECTIONS=0", "from 1 to"},
		{"FRESHET_MAX_MESSAGE_BYTES=1", "from 64KiB to 1GiB"},
		{"FRESHET_LOG_LEVEL=loud", "debug, info, warn, error"},
		{"FRESHET_STATEMENT_TIMEOUT=-1s", "not a duration"},
		{"FRESHET_INSECURE=perhaps", "neither true nor false"},
	} {
		_, err := Load("", []string{test.env}, nil)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.env, err, test.want)
		}
	}
	c := Default()
	if err := c.Set("port", "1"); err == nil || !strings.Contains(err.Error(), "there is") {
		t.Error(err)
	}
	if _, err := Load("", []string{"FRESHET_KAFKA=0.0.0.0:9092", "FRESHET_INSECURE=true"}, nil); err != nil {
		t.Error(err)
	}
}

// TestSecureListeners: an address others can reach must let nobody in who doesn't authenticate over TLS.
func TestSecureListeners(t *testing.T) {
	certificate := map[string]string{"tls-cert": "c", "tls-key": "k"}
	for _, test := range []struct {
		name  string
		flags map[string]string
		want  string
	}{
		{"sasl over tls", map[string]string{"kafka-sasl-tls": "0.0.0.0:9094"}, ""},
		{"tls with client certificates", map[string]string{"kafka-tls": "0.0.0.0:9093", "tls-client-ca": "a"}, ""},
		{"tls alone", map[string]string{"kafka-tls": "0.0.0.0:9093"}, "--tls-client-ca"},
		{"sasl alone", map[string]string{"kafka-sasl": "0.0.0.0:9093"}, "not be encrypted"},
		{"sasl alone on loopback", map[string]string{"kafka-sasl": "localhost:9093"}, ""},
		{"insecure", map[string]string{"kafka-sasl": "0.0.0.0:9093", "insecure": "true"}, ""},
		{"no certificate", map[string]string{"kafka-tls": "localhost:9093", "tls-cert": "", "tls-key": ""}, "needs --tls-cert"},
		{"no key", map[string]string{"tls-key": ""}, "go together"},
		{"same address", map[string]string{"kafka-sasl": "localhost:9092"}, "are both"},
		{"authorities without tls", map[string]string{"tls-client-ca": "a"}, "needs --kafka-tls"},
		{"admin without file", map[string]string{"kafka-admin": "root"}, "not NAME:FILE"},
		{"advertised", map[string]string{"advertised-listeners": "PLAINTEXT://a:1"}, ""},
		{"advertised but off", map[string]string{"advertised-listeners": "SASL_SSL://a:1"}, "no listener SASL_SSL"},
		{"advertised without port", map[string]string{"advertised-listeners": "PLAINTEXT://a"}, "not HOST:PORT"},
		{"advertised without protocol", map[string]string{"advertised-listeners": "a:1"}, "not PROTOCOL://"},
	} {
		flags := maps.Clone(certificate)
		maps.Copy(flags, test.flags)
		_, err := Load("", nil, flags)
		if (err == nil) != (test.want == "") || (err != nil && !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

func TestBytes(t *testing.T) {
	for in, want := range map[string]int64{"1": 1, "64MiB": 64 << 20, "64M": 64 << 20, "4gb": 4 << 30, "2 KiB": 2048, "12b": 12} {
		if got, err := ParseBytes(in); err != nil || got != want {
			t.Errorf("%s: %d %v", in, got, err)
		}
	}
	for _, in := range []string{"", "x", "-1", "1Q", "99999999999TiB", "1.5G"} {
		if n, err := ParseBytes(in); err == nil {
			t.Errorf("%s: %d", in, n)
		}
	}
}

func TestListenOnBothLoopbacks(t *testing.T) {
	listeners, err := Listen("localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listeners[0].Addr().(*net.TCPAddr).Port
	for _, l := range listeners {
		defer l.Close()
		if a := l.Addr().(*net.TCPAddr); a.Port != port || !a.IP.IsLoopback() {
			t.Errorf("%v beside port %d", a, port)
		}
	}
	if _, err := Listen(listeners[0].Addr().String()); err == nil || !strings.Contains(err.Error(), "is in use") {
		t.Errorf("second listener: %v", err)
	}
}

func TestReferenceIsUpToDate(t *testing.T) {
	var want bytes.Buffer
	if err := Markdown(&want); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "docs", "reference", "config.md")
	if *update {
		if err := os.WriteFile(file, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("docs/reference/config.md is old: go test ./server/config -update (%v)", err)
	}
}

func TestBootstrap(t *testing.T) {
	for _, test := range []struct {
		name  string
		flags map[string]string
		want  string
	}{
		{"servers", map[string]string{"bootstrap": "a:1, b:2"}, ""},
		{"no port", map[string]string{"bootstrap": "a"}, "not HOST:PORT"},
		{"no host", map[string]string{"bootstrap": ":9092"}, "has no host"},
		{"nothing", map[string]string{"bootstrap": ","}, "names no server"},
		{"alone", map[string]string{"bootstrap-tls": "true"}, "need --bootstrap"},
		{"ca alone", map[string]string{"bootstrap": "a:1", "bootstrap-tls-ca": "f"}, "needs --bootstrap-tls"},
		{"login", map[string]string{"bootstrap": "a:1", "bootstrap-sasl": "scram-sha-256:u:dir/f:x"}, ""},
		{"mechanism", map[string]string{"bootstrap": "a:1", "bootstrap-sasl": "GSSAPI:u:f"}, "is not one of PLAIN"},
		{"login without file", map[string]string{"bootstrap": "a:1", "bootstrap-sasl": "PLAIN:u"}, "not MECHANISM:USER:FILE"},
		{"password in the clear", map[string]string{"bootstrap": "a:1", "bootstrap-sasl": "PLAIN:u:f"}, "use --bootstrap-tls"},
		{"password on loopback", map[string]string{"bootstrap": "localhost:1", "bootstrap-sasl": "PLAIN:u:f"}, ""},
		{"prefix", map[string]string{"bootstrap": "a:1", "bootstrap-prefix": "team/"}, "characters"},
		{"installation", map[string]string{"bootstrap": "a:1", "bootstrap-installation": "a_b"}, "letters, digits and dots"},
		{"listener", map[string]string{"bootstrap": "a:1", "kafka-tls": "localhost:9093"}, "no Kafka listener"},
		{"broker config", map[string]string{"bootstrap": "a:1", "broker-config": "num.partitions=2"}, "no log of its own"},
		{"admin", map[string]string{"bootstrap": "a:1", "kafka-admin": "a:f"}, "no users"},
		{"nobody to talk to", map[string]string{"bootstrap": "a:1", "postgres": "off"}, "both off"},
	} {
		c, err := Load("", nil, test.flags)
		if (err == nil) != (test.want == "") || (err != nil && !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
		if mechanism, user, file, err := c.Bootstrap.Login(); test.name == "login" && (mechanism != "SCRAM-SHA-256" || user != "u" || file != "dir/f:x" || err != nil) {
			t.Error(mechanism, user, file, err)
		}
	}
}

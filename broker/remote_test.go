package broker

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/broker/client/clienttest"
)

// kafkaVariable names a Kafka to hold the remote client against.
const kafkaVariable = "FRESHET_TEST_KAFKA"

func TestEmbeddedClient(t *testing.T) {
	b := startBroker(t, nil)
	clienttest.Run(t, func(testing.TB) client.Client { return b.Client() })
}

func TestRemoteClient(t *testing.T) {
	b := startBroker(t, nil)
	clienttest.Run(t, dialer(b.Addr().String(), client.RemoteOptions{}))
}

// TestRemoteClientUnderNames has a client whose names all begin with a prefix, and look for what it made without.
func TestRemoteClientUnderNames(t *testing.T) {
	b := startBroker(t, nil)
	clienttest.Run(t, dialer(b.Addr().String(), client.RemoteOptions{Prefix: "team-a.", Installation: "two"}))
}

func TestRemoteClientOnKafka(t *testing.T) {
	at := os.Getenv(kafkaVariable)
	if at == "" {
		t.Skip(kafkaVariable + " names no Kafka")
	}
	t.Run("newest", func(t *testing.T) { clienttest.Run(t, dialer(at, client.RemoteOptions{})) })
	t.Run("explicit transactions", func(t *testing.T) {
		clienttest.Run(t, dialer(at, client.RemoteOptions{ExplicitTransactions: true, Prefix: "x.", Installation: "y"}))
	})
}

// dialer makes a client a test.
func dialer(seeds string, opts client.RemoteOptions) func(testing.TB) client.Client {
	return func(t testing.TB) client.Client {
		o := opts
		o.Seeds = strings.Split(seeds, ",")
		o.Logger = testLogger(t)
		c, err := client.Dial(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
		return c
	}
}

// TestRemoteTellsOfAway closes the broker under a reader: the client says since when nobody answers.
func TestRemoteTellsOfAway(t *testing.T) {
	b := startBroker(t, nil)
	c, err := client.Dial(t.Context(), client.RemoteOptions{Seeds: []string{b.Addr().String()}, Logger: testLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.CreateTopic(t.Context(), client.TopicSpec{Name: "read", Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	tp := client.TopicPartition{Topic: "read"}
	cancel, err := c.Watch(tp, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer cancel()
	if _, err := c.Fetch(t.Context(), tp, 0, 1, client.ReadCommitted); err != nil {
		t.Fatal(err)
	}
	if since, err := c.Away(); err != nil || !since.IsZero() {
		t.Fatalf("away since %s: %v", since, err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; {
		if since, err := c.Away(); err != nil && !since.IsZero() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not notice")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

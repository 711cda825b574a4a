package broker

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
	"github.com/freshetdb/freshet/storage/vfs"
)

// TestStaticConfigsAreChecked: a node isn't started with configs it doesn't know or can't have.
func TestStaticConfigsAreChecked(t *testing.T) {
	for configs, want := range map[string]string{
		"num.partition=4":     `no broker config "num.partition"`,
		"num.partitions=many": "whole number",
		"node.id=4":           "other options",
		"retention.ms=1":      "log.retention.ms",
		"super.users=alice":   "TYPE:NAME",
		"max.connections.per.ip.overrides=10.0.0.1": "ADDRESS:NUMBER",
	} {
		name, value, _ := strings.Cut(configs, "=")
		_, err := Start(context.Background(), Options{FS: vfs.NewMem(), DataDir: "d", NoListener: true, Logger: testLogger(t), Configs: map[string]string{name: value}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", configs, err)
		}
	}
}

// TestListenerConfigs: what clients may say before they have authenticated follows the configs of the start.
func TestListenerConfigs(t *testing.T) {
	_, addr := secureBroker(t, newAuthority(t), func(o *Options) {
		o.Configs = map[string]string{
			metadata.ConfigMechanisms: "SCRAM-SHA-512", metadata.ConfigAuthBytesMax: "2048", metadata.ConfigAuthFailDelayMs: "0",
		}
	})
	raw := dialRaw(t, addr[wire.NameSASLPlaintext])
	got := raw.ask(&kmsg.SASLHandshakeRequest{Mechanism: auth.Plain}, 1).(*kmsg.SASLHandshakeResponse)
	if got.ErrorCode != kerr.UnsupportedSaslMechanism.Code || !slices.Equal(got.SupportedMechanisms, []string{auth.ScramSHA512}) {
		t.Errorf("PLAIN: %+v", got)
	}
	conn, err := net.Dial("tcp", addr[wire.NameSASLPlaintext])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Write([]byte{0, 0, 8, 1}); err != nil { // the size of a frame of 2049 bytes
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a large frame of a stranger: %d bytes, %v", n, err)
	}
}

// alterConfig sets a config of a resource, or removes it for an empty value, and gives the code.
func alterConfig(t *testing.T, cl *kgo.Client, kind kmsg.ConfigResourceType, resource, name, value string) int16 {
	t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	change := kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: name, Value: &value}
	if value == "" {
		change.Op, change.Value = kmsg.IncrementalAlterConfigOpDelete, nil
	}
	req.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{
		ResourceType: kind, ResourceName: resource, Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{change},
	}}
	resp, err := req.RequestWith(short(t), cl)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Resources[0].ErrorCode
}

// describeConfig gives one config of a resource as clients see it.
func describeConfig(t *testing.T, cl *kgo.Client, kind kmsg.ConfigResourceType, resource, name string) kmsg.DescribeConfigsResponseResourceConfig {
	t.Helper()
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.IncludeSynonyms = true
	req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kind, ResourceName: resource, ConfigNames: []string{name}}}
	resp, err := req.RequestWith(short(t), cl)
	if err != nil || resp.Resources[0].ErrorCode != 0 || len(resp.Resources[0].Configs) != 1 {
		t.Fatal(resp, err)
	}
	return resp.Resources[0].Configs[0]
}

// TestBrokerConfigsTakeEffectWhileRunning: a config set on all brokers, or on this one, changes topics and limits at once, and goes
// back when it is removed.
func TestBrokerConfigsTakeEffectWhileRunning(t *testing.T) {
	b := startBroker(t, func(o *Options) { o.Configs = map[string]string{"num.partitions": "4", "log.retention.hours": "1"} })
	cl := connect(t, b)
	const brokers, topics = kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeTopic
	createTopic(t, cl, "fixed", 1)
	p, err := b.replicas.Partition("fixed", 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Config().Retention; got != time.Hour {
		t.Errorf("retention is %v where the node was started with an hour", got)
	}
	if code := alterConfig(t, cl, brokers, "", "log.retention.ms", "5000"); code != 0 {
		t.Fatal(code)
	}
	if code := alterConfig(t, cl, brokers, "1", "message.max.bytes", "2000"); code != 0 {
		t.Fatal(code)
	}
	if got := p.Config(); got.Retention != 5*time.Second || got.MessageBytesMax != 2000 {
		t.Errorf("a topic has %v and %d bytes under other defaults", got.Retention, got.MessageBytesMax)
	}
	if c := describeConfig(t, cl, topics, "fixed", "retention.ms"); *c.Value != "5000" || c.Source != kmsg.ConfigSourceDynamicDefaultBrokerConfig || len(c.ConfigSynonyms) != 3 {
		t.Errorf("%+v", c)
	}
	if code := alterConfig(t, cl, brokers, "", "log.retention.ms", ""); code != 0 || p.Config().Retention != time.Hour {
		t.Errorf("retention is %v after its config was removed (%d)", p.Config().Retention, code)
	}
	if code := alterConfig(t, cl, brokers, "", "num.partitions", "3"); code != 0 {
		t.Fatal(code)
	}
	produceAll(t, cl, "by-itself", "v")
	if got := len(b.quorum.Image().Topic("by-itself").Partitions); got != 3 {
		t.Errorf("a topic made by itself has %d partitions", got)
	}
	alterConfig(t, cl, brokers, "", "auto.create.topics.enable", "false")
	if err := cl.ProduceSync(short(t), &kgo.Record{Topic: "refused", Value: []byte("v")}).FirstErr(); err == nil || b.quorum.Image().Topic("refused") != nil {
		t.Errorf("a topic was made by itself against the config: %v", err)
	}
	if code := alterConfig(t, cl, brokers, "", "delete.topic.enable", "false"); code != 0 {
		t.Fatal(code)
	}
	remove := kmsg.NewPtrDeleteTopicsRequest()
	name := "fixed"
	remove.Topics, remove.TopicNames = []kmsg.DeleteTopicsRequestTopic{{Topic: &name}}, []string{name}
	if resp, err := remove.RequestWith(short(t), cl); err != nil || resp.Topics[0].ErrorCode != kerr.TopicDeletionDisabled.Code {
		t.Errorf("%+v %v", resp, err)
	}
}

// TestQuotasThrottle: a client over its rate is told to wait, one that changes partitions too often is refused, and both are left
// alone once the quota is gone.
func TestQuotasThrottle(t *testing.T) {
	b := startBroker(t, nil)
	cl := connect(t, b, kgo.ClientID("busy"))
	createTopic(t, cl, "t", 1)
	alter := func(key string, value float64) {
		t.Helper()
		client := "busy"
		req := kmsg.NewPtrAlterClientQuotasRequest()
		req.Entries = []kmsg.AlterClientQuotasRequestEntry{{
			Entity: []kmsg.AlterClientQuotasRequestEntryEntity{{Type: "client-id", Name: &client}},
			Ops:    []kmsg.AlterClientQuotasRequestEntryOp{{Key: key, Value: value, Remove: value == 0}},
		}}
		if resp, err := req.RequestWith(short(t), cl); err != nil || resp.Entries[0].ErrorCode != 0 {
			t.Fatal(resp, err)
		}
	}
	create := func(name string, partitions int32) *kmsg.CreateTopicsResponse {
		t.Helper()
		req := kmsg.NewPtrCreateTopicsRequest()
		req.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: name, NumPartitions: partitions, ReplicationFactor: 1}}
		resp, err := req.RequestWith(short(t), cl)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	alter("controller_mutation_rate", 0.5)
	if resp := create("many", 10); resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("%+v", resp)
	}
	if resp := create("more", 1); resp.Topics[0].ErrorCode != kerr.ThrottlingQuotaExceeded.Code || resp.ThrottleMillis < 1000 {
		t.Fatalf("%+v", resp)
	}
	alter("controller_mutation_rate", 0)
	other := connect(t, b, kgo.ClientID("busy"))
	alterOther := func(rate float64) {
		t.Helper()
		cl = other
		alter("producer_byte_rate", rate)
	}
	alterOther(10)
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 1000
	req.Topics = []kmsg.ProduceRequestTopic{{Topic: "t", TopicID: b.quorum.Image().Topic("t").ID, Partitions: []kmsg.ProduceRequestTopicPartition{{Records: rawBatch(t, strings.Repeat("x", 200))}}}}
	resp, err := other.Request(short(t), req)
	if err != nil {
		t.Fatal(err)
	}
	if p := resp.(*kmsg.ProduceResponse); p.Topics[0].Partitions[0].ErrorCode != 0 || p.ThrottleMillis < 10_000 {
		t.Fatalf("%+v", p)
	}
}

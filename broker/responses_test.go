package broker

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestResponsesAreKafkas asks every API at every version it is served at, and walks the answers: each must decode to the last byte, hold
// no null where Kafka sends a list, and no -1 where Kafka sends one of an enumeration. kmsg's zero values are neither, and
// Kafka's own tools die of both.
func TestResponsesAreKafkas(t *testing.T) {
	b := startBroker(t, nil)
	cl := connect(t, b)
	createTopic(t, cl, "asked", 2, "retention.ms=-1")
	produceAll(t, cl, "asked", numbers(10, "v")...)
	id := b.quorum.Image().Topic("asked").ID
	conn, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	in := bufio.NewReader(conn)

	served := kmsg.NewPtrApiVersionsRequest()
	versions, err := served.RequestWith(short(t), cl)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, api := range versions.ApiKeys {
		for version := max(api.MinVersion, lowestServed[api.ApiKey]); version <= api.MaxVersion; version++ {
			req := kmsg.RequestForKey(api.ApiKey)
			req.SetVersion(version)
			fillRequest(req, id)
			fill := kmsg.NewRequestFormatter(kmsg.FormatterClientID("walker"))
			if _, err := conn.Write(fill.AppendRequest(nil, req, int32(asked))); err != nil {
				t.Fatal(err)
			}
			resp := req.ResponseKind()
			resp.SetVersion(version)
			if err := readResponse(in, resp, req.IsFlexible() && api.ApiKey != 18); err != nil {
				t.Fatalf("%s v%d: %v", kmsg.NameForKey(api.ApiKey), version, err)
			}
			w := walker{t: t, root: resp, version: version}
			w.walk(reflect.ValueOf(resp).Elem(), nil, fmt.Sprintf("%s v%d", kmsg.NameForKey(api.ApiKey), version))
			asked++
		}
	}
	t.Logf("%d APIs at %d versions", len(versions.ApiKeys), asked)
}

// lowestServed are versions below which an API is advertised, but not served (see handler's table).
var lowestServed = map[int16]int16{0: 3}

// fillRequest puts the topic "asked" wherever a request names one, so that answers aren't empty.
func fillRequest(req kmsg.Request, id [16]byte) {
	topic := "asked"
	switch r := req.(type) {
	case *kmsg.ProduceRequest:
		r.Acks, r.TimeoutMillis = 1, 1000
		r.Topics = []kmsg.ProduceRequestTopic{{Topic: topic, Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: 0, Records: []byte("bad")}}}}
	case *kmsg.FetchRequest:
		r.MaxBytes, r.ReplicaID = 1<<20, -1
		r.Topics = []kmsg.FetchRequestTopic{{Topic: topic, TopicID: id, Partitions: []kmsg.FetchRequestTopicPartition{
			{CurrentLeaderEpoch: -1, PartitionMaxBytes: 1 << 20}, {Partition: 1, CurrentLeaderEpoch: -1}, {Partition: 7, CurrentLeaderEpoch: -1},
		}}}
	case *kmsg.ListOffsetsRequest:
		r.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: topic, Partitions: []kmsg.ListOffsetsRequestTopicPartition{{Timestamp: -1, CurrentLeaderEpoch: -1}}}}
	case *kmsg.MetadataRequest:
		r.Topics = nil
	case *kmsg.ApiVersionsRequest:
		r.ClientSoftwareName, r.ClientSoftwareVersion = "walker", "1.0"
	case *kmsg.CreateTopicsRequest:
		r.ValidateOnly = true
		r.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: "fresh", NumPartitions: 1, ReplicationFactor: 1}, {Topic: topic, NumPartitions: 1, ReplicationFactor: 1}}
	case *kmsg.DeleteTopicsRequest:
		missing := "missing"
		r.TopicNames, r.Topics = []string{missing}, []kmsg.DeleteTopicsRequestTopic{{Topic: &missing}}
	case *kmsg.DescribeConfigsRequest:
		r.IncludeSynonyms, r.IncludeDocumentation = true, true
		r.Resources = []kmsg.DescribeConfigsRequestResource{
			{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: topic},
			{ResourceType: kmsg.ConfigResourceTypeBroker, ResourceName: "1"},
			{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: "missing"},
		}
	case *kmsg.DescribeTopicPartitionsRequest:
		r.Topics = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: topic}, {Topic: "missing"}}
	case *kmsg.DescribeClusterRequest:
		r.EndpointType = 1
	case *kmsg.ListConfigResourcesRequest:
		r.ResourceTypes = []int8{2, 4}
	case *kmsg.AlterConfigsRequest:
		r.ValidateOnly = true
		r.Resources = []kmsg.AlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: topic}, {ResourceType: 99, ResourceName: "x"}}
	case *kmsg.IncrementalAlterConfigsRequest:
		r.ValidateOnly = true
		r.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: topic}, {ResourceType: 32, ResourceName: "g"}}
	case *kmsg.DescribeClientQuotasRequest:
		r.Components = []kmsg.DescribeClientQuotasRequestComponent{{EntityType: "client-id", MatchType: 2}}
	case *kmsg.AlterClientQuotasRequest:
		client := "quiet"
		r.Entries = []kmsg.AlterClientQuotasRequestEntry{
			{Entity: []kmsg.AlterClientQuotasRequestEntryEntity{{Type: "client-id", Name: &client}}, Ops: []kmsg.AlterClientQuotasRequestEntryOp{{Key: "producer_byte_rate", Value: 1}}},
			{Entity: []kmsg.AlterClientQuotasRequestEntryEntity{{Type: "moon"}}},
		}
	case *kmsg.CreatePartitionsRequest:
		r.ValidateOnly = true
		r.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: topic, Count: 3}, {Topic: "missing", Count: 3}}
	case *kmsg.DeleteRecordsRequest:
		r.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: 0}, {Partition: 9}}}}
	case *kmsg.UpdateFeaturesRequest:
		r.FeatureUpdates = []kmsg.UpdateFeaturesRequestFeatureUpdate{{Feature: "metadata.version", MaxVersionLevel: 1, UpgradeType: 1}, {Feature: "moon.version", MaxVersionLevel: 1, UpgradeType: 1}}
	case *kmsg.UnregisterBrokerRequest:
		r.BrokerID = 7
	case *kmsg.OffsetForLeaderEpochRequest:
		r.Topics = []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: topic, Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{{CurrentLeaderEpoch: -1}}}}
	case *kmsg.ElectLeadersRequest:
		r.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: topic, Partitions: []int32{0, 9}}}
	case *kmsg.AlterPartitionAssignmentsRequest:
		r.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: topic, Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{
			{Partition: 0, Replicas: []int32{1}}, {Partition: 1, Replicas: []int32{2}}, {Partition: 9},
		}}}
	case *kmsg.DescribeQuorumRequest:
		r.Topics = []kmsg.DescribeQuorumRequestTopic{
			{Topic: "__cluster_metadata", Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{}}},
			{Topic: topic, Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{}}},
		}
	case *kmsg.FindCoordinatorRequest:
		r.CoordinatorKey, r.CoordinatorKeys = "g", []string{"g"}
	case *kmsg.DescribeGroupsRequest:
		r.Groups = []string{"g"}
	case *kmsg.JoinGroupRequest:
		r.Group, r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = "", 10, 10
	case *kmsg.OffsetFetchRequest:
		r.Group = "g"
		r.Groups = []kmsg.OffsetFetchRequestGroup{{Group: "g", MemberEpoch: -1}}
	case *kmsg.ConsumerGroupHeartbeatRequest:
		r.Group, r.MemberID, r.RebalanceTimeoutMillis = "new", "m", 1000
		r.SubscribedTopicNames, r.Topics = []string{topic}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	case *kmsg.ConsumerGroupDescribeRequest:
		r.Groups = []string{"new", "g"}
	}
}

func readResponse(in *bufio.Reader, resp kmsg.Response, flexible bool) error {
	var size [4]byte
	if _, err := io.ReadFull(in, size[:]); err != nil {
		return err
	}
	body := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(in, body); err != nil {
		return err
	}
	body = body[4:]
	if flexible {
		body = body[1:]
	}
	if err := resp.ReadFrom(body); err != nil {
		return err
	}
	if again := resp.AppendTo(nil); !bytes.Equal(again, body) {
		return fmt.Errorf("%d bytes decode to what encodes as %d bytes", len(body), len(again))
	}
	return nil
}

// nullIsKafkas are the lists Kafka itself leaves null.
var nullIsKafkas = map[string]bool{
	"AbortedTransactions": true, // for readers that did not ask for read_committed
	"RecordBatches":       true,
	"Entries":             true, // of DescribeClientQuotas, when it refuses
}

// minusOneIsNot are enumerations of which -1 is no member.
var minusOneIsNot = map[string]bool{"Source": true, "ConfigType": true, "EndpointType": true, "ResourceType": true, "CoordinatorType": true}

// walker looks at every field of a decoded response.
type walker struct {
	t       *testing.T
	root    kmsg.Response
	version int16
	echoes  bool // the request may have named -1 where answers repeat it
}

// echoed are enumerations answers repeat from the request.
var echoed = map[string]bool{"ResourceType": true, "EndpointType": true}

func (w *walker) walk(v reflect.Value, path []int, name string) {
	for i := range v.NumField() {
		field, kind := v.Type().Field(i), v.Field(i)
		at := append(append([]int(nil), path...), i)
		label := name + "." + field.Name
		switch kind.Kind() {
		case reflect.Slice:
			if kind.IsNil() && !nullIsKafkas[field.Name] && nullable(reflect.TypeOf(w.root), at, w.version) {
				w.t.Errorf("%s is null", label)
			}
			for j := range kind.Len() {
				if kind.Index(j).Kind() == reflect.Struct {
					w.walk(kind.Index(j), at, label)
				}
			}
		case reflect.Int8, reflect.Int16:
			if kind.Int() == -1 && minusOneIsNot[field.Name] && (!w.echoes || !echoed[field.Name]) {
				w.t.Errorf("%s is -1", label)
			}
			if strings.HasSuffix(field.Name, "ErrorCode") && kind.Int() != 0 && kerr.TypedErrorForCode(int16(kind.Int())) == kerr.UnknownServerError {
				w.t.Errorf("%s is %d, which says nothing", label, kind.Int())
			}
		}
	}
}

// nullable tells whether the slice at a path of field numbers is written differently when it is nil and when it is empty.
func nullable(root reflect.Type, path []int, version int16) bool {
	encode := func(empty bool) []byte {
		resp := reflect.New(root.Elem())
		v := resp.Elem()
		for n, i := range path {
			v = v.Field(i)
			if n < len(path)-1 {
				v.Set(reflect.MakeSlice(v.Type(), 1, 1))
				v = v.Index(0)
			}
		}
		if empty {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		r := resp.Interface().(kmsg.Response)
		r.SetVersion(version)
		return r.AppendTo(nil)
	}
	return !bytes.Equal(encode(true), encode(false))
}

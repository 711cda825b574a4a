package broker

import (
	"bufio"
	"bytes"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/wire"
)

// opensToAll are the APIs that answer everybody, and why.
var opensToAll = map[int16]string{
	3:  "all topics are those the caller may describe",
	16: "groups are those the caller may describe",
	17: "comes before anybody is somebody",
	18: "comes before anybody is somebody",
	36: "comes before anybody is somebody",
	60: "where brokers are, which every client has to know",
	66: "transactions are those the caller may describe",
}

// TestNobodyMayAnything asks every API at every version as somebody no ACL is about: each refuses, or is in opensToAll and tells nothing.
func TestNobodyMayAnything(t *testing.T) {
	b, addr := secureBroker(t, newAuthority(t), func(o *Options) { o.Configs = map[string]string{"super.users": ""} })
	admin := connect(t, b, kgo.SeedBrokers(addr[wire.NameSASLPlaintext]), kgo.SASL(mechanism(auth.ScramSHA256, "admin", "secret")))
	createTopic(t, admin, "asked", 2, "retention.ms=-1")
	id := b.quorum.Image().Topic("asked").ID
	conn, err := net.Dial("tcp", addr[wire.NamePlaintext])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	in := bufio.NewReader(conn)
	versions, err := kmsg.NewPtrApiVersionsRequest().RequestWith(short(t), admin)
	if err != nil {
		t.Fatal(err)
	}
	asked := int32(0)
	for _, api := range versions.ApiKeys {
		for version := max(api.MinVersion, lowestServed[api.ApiKey]); version <= api.MaxVersion; version++ {
			req := kmsg.RequestForKey(api.ApiKey)
			req.SetVersion(version)
			fillRequest(req, id)
			fillForbidden(req, id)
			asked++
			format := kmsg.NewRequestFormatter(kmsg.FormatterClientID("nobody"))
			if _, err := conn.Write(format.AppendRequest(nil, req, asked)); err != nil {
				t.Fatal(err)
			}
			resp := req.ResponseKind()
			resp.SetVersion(version)
			name := kmsg.NameForKey(api.ApiKey)
			if err := readResponse(in, resp, req.IsFlexible() && api.ApiKey != 18); err != nil {
				t.Fatalf("%s v%d: %v", name, version, err)
			}
			refused, answered := 0, 0
			countCodes(reflect.ValueOf(resp).Elem(), &refused, &answered)
			if why := opensToAll[api.ApiKey]; why != "" {
				if bytes.Contains(resp.AppendTo(nil), []byte("asked")) || bytes.Contains(resp.AppendTo(nil), id[:]) {
					t.Errorf("%s v%d tells of a topic: %+v", name, version, resp)
				}
				continue
			}
			if api.ApiKey == 35 && version < 3 { // has nowhere to say why it is empty, in Kafka too
				refused++
			}
			if refused == 0 || answered > 0 {
				t.Errorf("%s v%d: %d refusals, %d answers: %+v", name, version, refused, answered, resp)
			}
		}
	}
	t.Logf("%d APIs at %d versions", len(versions.ApiKeys), asked)
}

// countCodes counts the error codes of an answer: those that say the caller may not, and others below the top.
func countCodes(v reflect.Value, refused, answered *int) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Int16:
			if v.Type().Field(i).Name == "ErrorCode" {
				countCode(int16(f.Int()), v.Type(), refused, answered)
			}
		case reflect.Slice:
			for j := range f.Len() {
				if f.Index(j).Kind() == reflect.Struct {
					countCodes(f.Index(j), refused, answered)
				}
			}
		case reflect.Struct:
			countCodes(f, refused, answered)
		}
	}
}

func countCode(code int16, in reflect.Type, refused, answered *int) {
	switch code {
	case kerr.TopicAuthorizationFailed.Code, kerr.GroupAuthorizationFailed.Code, kerr.ClusterAuthorizationFailed.Code, kerr.TransactionalIDAuthorizationFailed.Code:
		*refused++
	default:
		_, top := reflect.PointerTo(in).MethodByName("ResponseKind")
		if _, isResponse := reflect.PointerTo(in).MethodByName("RequestKind"); !top && !isResponse {
			*answered++
		}
	}
}

// fillForbidden names something in requests that fillRequest leaves empty.
func fillForbidden(req kmsg.Request, id [16]byte) {
	topic, txn := "asked", "txn"
	switch r := req.(type) {
	case *kmsg.ProduceRequest:
		r.Topics[0].TopicID = id
	case *kmsg.OffsetCommitRequest:
		r.Group = "g"
		r.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: topic, TopicID: id, Partitions: []kmsg.OffsetCommitRequestTopicPartition{{}}}}
	case *kmsg.OffsetFetchRequest:
		r.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: topic, Partitions: []int32{0}}}
	case *kmsg.FetchRequest:
		r.SessionEpoch = -1
	case *kmsg.ElectLeadersRequest:
		r.TimeoutMillis = 1000
	case *kmsg.JoinGroupRequest:
		r.Group = "g"
	case *kmsg.SyncGroupRequest:
		r.Group = "g"
	case *kmsg.HeartbeatRequest:
		r.Group = "g"
	case *kmsg.LeaveGroupRequest:
		r.Group = "g"
	case *kmsg.DeleteGroupsRequest:
		r.Groups = []string{"g"}
	case *kmsg.OffsetDeleteRequest:
		r.Group = "g"
	case *kmsg.DeleteTopicsRequest:
		r.TopicNames, r.Topics = []string{topic}, []kmsg.DeleteTopicsRequestTopic{{TopicID: id}}
	case *kmsg.CreateTopicsRequest:
		r.Topics = r.Topics[:1]
	case *kmsg.DeleteRecordsRequest:
		r.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Offset: -1}}}}
	case *kmsg.CreatePartitionsRequest:
		r.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: topic, Count: 9}}
	case *kmsg.AlterConfigsRequest:
		r.Resources = []kmsg.AlterConfigsRequestResource{{ResourceType: 2, ResourceName: topic}, {ResourceType: 4, ResourceName: "1"}}
	case *kmsg.IncrementalAlterConfigsRequest:
		r.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: 2, ResourceName: topic}, {ResourceType: 4, ResourceName: "1"}}
	case *kmsg.InitProducerIDRequest:
		r.TransactionalID, r.ProducerID, r.ProducerEpoch = &txn, -1, -1
	case *kmsg.AddPartitionsToTxnRequest:
		r.TransactionalID, r.Topics = txn, []kmsg.AddPartitionsToTxnRequestTopic{{Topic: topic, Partitions: []int32{0}}}
	case *kmsg.AddOffsetsToTxnRequest:
		r.TransactionalID, r.Group = txn, "g"
	case *kmsg.EndTxnRequest:
		r.TransactionalID = txn
	case *kmsg.WriteTxnMarkersRequest:
		r.Markers = []kmsg.WriteTxnMarkersRequestMarker{{Topics: []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: topic, Partitions: []int32{0}}}}}
	case *kmsg.TxnOffsetCommitRequest:
		r.TransactionalID, r.Group = txn, "g"
		r.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: topic, Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{{}}}}
	case *kmsg.DescribeProducersRequest:
		r.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: topic, Partitions: []int32{0}}}
	case *kmsg.DescribeTransactionsRequest:
		r.TransactionalIDs = []string{txn}
	case *kmsg.DescribeACLsRequest:
		r.ResourceType, r.ResourcePatternType, r.Operation, r.PermissionType = 1, 1, 1, 1
	case *kmsg.CreateACLsRequest:
		r.Creations = make([]kmsg.CreateACLsRequestCreation, 1)
	case *kmsg.DeleteACLsRequest:
		r.Filters = make([]kmsg.DeleteACLsRequestFilter, 1)
	case *kmsg.AlterUserSCRAMCredentialsRequest:
		r.Deletions = []kmsg.AlterUserSCRAMCredentialsRequestDeletion{{Name: "admin", Mechanism: 1}}
	case *kmsg.AlterClientQuotasRequest:
		r.Entries = []kmsg.AlterClientQuotasRequestEntry{{Entity: []kmsg.AlterClientQuotasRequestEntryEntity{{Type: "user", Name: &topic}}}}
	case *kmsg.UpdateFeaturesRequest:
		r.FeatureUpdates = []kmsg.UpdateFeaturesRequestFeatureUpdate{{Feature: "metadata.version", MaxVersionLevel: 1}}
	case *kmsg.ConsumerGroupHeartbeatRequest:
		r.Group = "g"
	}
}

// TestRights: each right lets in what it is for, and nothing more.
func TestRights(t *testing.T) {
	b, addr := secureBroker(t, newAuthority(t), func(o *Options) { o.Configs = map[string]string{"super.users": ""} })
	admin := connect(t, b, kgo.SeedBrokers(addr[wire.NameSASLPlaintext]), kgo.SASL(mechanism(auth.ScramSHA256, "admin", "secret")))
	for _, topic := range []string{"in", "out", "hidden"} {
		createTopic(t, admin, topic, 1, "retention.ms=-1")
	}
	rule := func(rt auth.ResourceType, name string, op auth.Operation) {
		allow(t, admin, "User:ANONYMOUS", metadata.ACL{ResourceType: int8(rt), PatternType: int8(auth.PatternLiteral), ResourceName: name, Operation: int8(op)})
	}
	rule(auth.ResourceTopic, "in", auth.OpRead)
	rule(auth.ResourceTopic, "out", auth.OpWrite)
	rule(auth.ResourceGroup, "readers", auth.OpRead)
	produceAll(t, admin, "in", numbers(3, "v")...)

	cl := connect(t, b)
	if err := cl.ProduceSync(short(t), &kgo.Record{Topic: "out", Value: []byte("v")}).FirstErr(); err != nil {
		t.Error("write where that is allowed: ", err)
	}
	if err := cl.ProduceSync(short(t), &kgo.Record{Topic: "in", Value: []byte("v")}).FirstErr(); err == nil {
		t.Error("wrote where that is not allowed")
	}
	reader := connect(t, b, kgo.ConsumerGroup("readers"), kgo.ConsumeTopics("in"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if got := reader.PollRecords(short(t), 3); got.NumRecords() == 0 || got.Err() != nil {
		t.Error("read where that is allowed: ", got.Err())
	}
	all := kmsg.NewPtrMetadataRequest()
	all.IncludeTopicAuthorizedOperations = true
	resp, err := all.RequestWith(short(t), cl)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int32{}
	for _, topic := range resp.Topics {
		seen[*topic.Topic] = topic.AuthorizedOperations
	}
	want := map[string]int32{"in": 1<<auth.OpRead | 1<<auth.OpDescribe, "out": 1<<auth.OpWrite | 1<<auth.OpDescribe}
	if !reflect.DeepEqual(seen, want) {
		t.Errorf("sees %v, not %v", seen, want)
	}
	for _, name := range []string{"hidden", "missing"} { // which of them exists doesn't show
		one := kmsg.NewPtrMetadataRequest()
		one.Topics = []kmsg.MetadataRequestTopic{{Topic: &name}}
		resp, err := one.RequestWith(short(t), cl)
		if err != nil || resp.Topics[0].ErrorCode != kerr.TopicAuthorizationFailed.Code || resp.Topics[0].TopicID != [16]byte{} {
			t.Errorf("%s: %v, %v", name, resp, err)
		}
	}
}

package main

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// names are what the requests name: a topic and a group that exist, and a transactional id. They are others in every run, so that a broker
// answers as it would the first time.
type names struct {
	topic, group, txn string
	topicID           [16]byte
}

// numbers are the values of fields of a filled request for which kmsg's default would be refused before anything is looked at.
var numbers = map[string]int64{
	"NumPartitions": 1, "ReplicationFactor": 1, "Count": 3, "TimeoutMillis": 1000, "TransactionTimeoutMillis": 60_000,
	"SessionTimeoutMillis": 6000, "RebalanceTimeoutMillis": 1000, "MaxBytes": 1 << 20, "PartitionMaxBytes": 1 << 20,
	"EndpointType": 1, "ResourceType": 2, "ResourcePatternType": 3, "Operation": 3, "PermissionType": 3,
	"Mechanism": 1, "Iterations": 4096, "ResponsePartitionLimit": 2000, "SessionEpoch": 0, "BrokerID": 99,
	"FeatureUpdates": 1, "MaxVersionLevel": 1, "RetentionTimeMillis": -1, "StartOffset": 0, "MaxWaitMillis": 0,
}

// text is the value of a string field of a filled request; any that is not here is "unheard-of".
func (n *names) text(field string) string {
	switch field {
	case "Topic", "TopicName", "ResourceName":
		return n.topic
	case "Group", "GroupID", "CoordinatorKey":
		return n.group
	case "TransactionalID":
		return n.txn
	case "MemberID", "InstanceID":
		return ""
	case "Principal":
		return "User:walker"
	case "Host":
		return "*"
	case "ClientSoftwareName":
		return "walker"
	case "ClientSoftwareVersion":
		return "1.0"
	case "ProtocolType":
		return "walk"
	default:
		return "unheard-of"
	}
}

// fill makes a request one that names things, or leaves it empty but for what makes a broker answer at all.
func (n *names) fill(req kmsg.Request, filled bool) {
	if filled {
		n.object(reflect.ValueOf(req).Elem())
	}
	switch r := req.(type) {
	case *kmsg.ProduceRequest:
		r.Acks, r.TransactionID = -1, nil
	case *kmsg.FetchRequest:
		r.ReplicaID, r.MaxWaitMillis, r.Rack, r.ClusterID = -1, 0, "", nil
		r.ReplicaState = kmsg.NewFetchRequestReplicaState()
		r.ForgottenTopics = nil
	case *kmsg.ListOffsetsRequest:
		r.ReplicaID = -1
	case *kmsg.OffsetForLeaderEpochRequest:
		r.ReplicaID = -1
	case *kmsg.JoinGroupRequest:
		r.Group, r.InstanceID = fmt.Sprintf("%s-joined-v%d-%t", n.group, r.Version, filled), nil
	case *kmsg.ConsumerGroupHeartbeatRequest:
		r.Group, r.MemberID, r.InstanceID, r.RackID, r.ServerAssignor, r.SubscribedTopicRegex = "new-"+n.group, "walker-1", nil, nil, nil, nil
		r.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	case *kmsg.DescribeACLsRequest:
		r.ResourceType, r.ResourcePatternType, r.Operation, r.PermissionType = kmsg.ACLResourceTypeTopic, kmsg.ACLResourcePatternTypeLiteral, kmsg.ACLOperationRead, kmsg.ACLPermissionTypeAllow
	case *kmsg.DescribeShareGroupOffsetsRequest:
		r.Groups = nil // Kafka 4.3.1 does not answer for a group that is none of that kind
	case *kmsg.DeleteTopicsRequest:
		missing := "missing"
		r.TopicNames = []string{missing}
		r.Topics = []kmsg.DeleteTopicsRequestTopic{{Topic: &missing}}
	case *kmsg.DescribeQuorumRequest:
		for i := range r.Topics {
			r.Topics[i].Topic = "__cluster_metadata"
		}
	case *kmsg.AddPartitionsToTxnRequest:
		for i := range r.Transactions {
			r.Transactions[i].VerifyOnly = true
		}
	}
}

// object fills the fields of a request, or of a part of one.
func (n *names) object(v reflect.Value) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() || field.Name == "Version" || field.Name == "UnknownTags" {
			continue
		}
		n.value(v.Field(i), field.Name)
	}
}

func (n *names) value(v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!strings.HasPrefix(name, "Allow"))
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if number, ok := numbers[name]; ok {
			v.SetInt(number)
		}
	case reflect.String:
		v.SetString(n.text(name))
	case reflect.Pointer:
		if v.Type().Elem().Kind() == reflect.String {
			s := n.text(name)
			v.Set(reflect.ValueOf(&s))
		}
	case reflect.Array:
		if strings.HasPrefix(name, "Topic") { // directory ids stay zero: kmsg writes them at versions that have none
			v.Set(reflect.ValueOf(n.topicID))
		}
	case reflect.Struct:
		n.object(v)
	case reflect.Slice:
		n.list(v, name)
	}
}

func (n *names) list(v reflect.Value, name string) {
	switch v.Type().Elem().Kind() {
	case reflect.Uint8:
		v.SetBytes([]byte("sixteen bytes ok"))
	case reflect.Int8:
		v.Set(reflect.ValueOf([]int8{2, 4}))
	case reflect.Int32:
		v.Set(reflect.ValueOf([]int32{0, 9}))
	case reflect.String:
		v.Set(reflect.ValueOf([]string{n.text(strings.TrimSuffix(strings.TrimSuffix(name, "s"), "Name")), "missing"}))
	case reflect.Struct:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		if d := v.Index(0).Addr().MethodByName("Default"); d.IsValid() {
			d.Call(nil)
		}
		n.object(v.Index(0))
	}
}

// Package auth says who is calling and what they may do: principals, SASL mechanisms, SCRAM credentials, ACLs.
package auth

// Operation is what somebody wants to do, in Kafka's numbers (AclOperation).
type Operation int8

// The operations of ACLs.
const (
	OpUnknown         Operation = 0
	OpAny             Operation = 1 // in filters
	OpAll             Operation = 2
	OpRead            Operation = 3
	OpWrite           Operation = 4
	OpCreate          Operation = 5
	OpDelete          Operation = 6
	OpAlter           Operation = 7
	OpDescribe        Operation = 8
	OpClusterAction   Operation = 9
	OpDescribeConfigs Operation = 10
	OpAlterConfigs    Operation = 11
	OpIdempotentWrite Operation = 12
	OpCreateTokens    Operation = 13
	OpDescribeTokens  Operation = 14
	OpTwoPhaseCommit  Operation = 15
)

// operationNames are the operations as Kafka spells them, by number.
var operationNames = [...]string{
	"UNKNOWN", "ANY", "ALL", "READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE", "CLUSTER_ACTION", "DESCRIBE_CONFIGS",
	"ALTER_CONFIGS", "IDEMPOTENT_WRITE", "CREATE_TOKENS", "DESCRIBE_TOKENS", "TWO_PHASE_COMMIT",
}

// String is Kafka's name of the operation.
func (o Operation) String() string { return nameOf(operationNames[:], int(o)) }

// ResourceType is what an operation is done to, in Kafka's numbers (ResourceType of ACLs).
type ResourceType int8

// The resource types of ACLs.
const (
	ResourceUnknown         ResourceType = 0
	ResourceAny             ResourceType = 1 // in filters
	ResourceTopic           ResourceType = 2
	ResourceGroup           ResourceType = 3
	ResourceCluster         ResourceType = 4
	ResourceTransactionalID ResourceType = 5
	ResourceDelegationToken ResourceType = 6
	ResourceUser            ResourceType = 7
)

// resourceNames are the resource types as Kafka's log of its authorizer spells them, by number.
var resourceNames = [...]string{"Unknown", "Any", "Topic", "Group", "Cluster", "TransactionalId", "DelegationToken", "User"}

// String is Kafka's name of the resource type.
func (t ResourceType) String() string { return nameOf(resourceNames[:], int(t)) }

func nameOf(names []string, i int) string {
	if i < 0 || i >= len(names) {
		i = 0
	}
	return names[i]
}

// ClusterName is the one resource name of type ResourceCluster.
const ClusterName = "kafka-cluster"

// Principal is who calls: a type, "User" for all of ours, and a name.
type Principal struct{ Type, Name string }

// TypeUser is the type of every principal of this program.
const TypeUser = "User"

// Anonymous is who calls on a listener that asks nobody who they are.
var Anonymous = Principal{Type: TypeUser, Name: "ANONYMOUS"}

// String gives "User:name", as ACLs spell it.
func (p Principal) String() string { return p.Type + ":" + p.Name }

#[cfg(test)]
#[path = "../tests/coordinate_descent/main.rs"]
mod cd;
#[cfg(test)]
#[path = "../tests/sgd.rs"]
mod sgd;
#[cfg(test)]
#[path = "../tests/streaming.rs"]
mod streaming;
#[cfg(test)] #[path = "../tests/method.rs"] mod method;
fn main() {}
